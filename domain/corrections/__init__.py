"""Corrections: what people change in a transcript, as edits that are applied to what was recognized or generated."""
