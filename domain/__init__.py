"""What a meeting, its audio and its text are: pure code, no Dagster, no network, no environment."""
