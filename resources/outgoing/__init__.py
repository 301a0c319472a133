"""Outgoing requests: webhooks, Zulip and the old system."""
