"""Reads Dagster's event log: events, progress, usage, history, and the overview of recordings."""
