"""The HTTP API and the pages, one module for each subject."""
