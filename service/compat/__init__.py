"""The reading part of Reflector 0.45's HTTP API, for its web frontend: thin, over the same results as our own API.

One module per subject; units, ids and replay rules are the old system's (docs/moving-over.md).
"""
