"""The only package that uses private parts of Dagster and its integrations; nothing public does the same."""
