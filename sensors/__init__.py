"""Sensors and the schedule: what requests runs automatically."""
