"""The HTTP service, a process of its own: webhook receiver, API, events and transcript page."""
