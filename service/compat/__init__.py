"""Reflector 0.45's HTTP API, as far as its web frontend reads and edits transcripts: thin, over our own API.

One module per subject; units, ids and replay rules are the old system's (docs/moving-over.md).
"""
