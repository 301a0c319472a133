"""What is read from Dagster's event log: events, progress, usage, history, the overview of recordings."""
