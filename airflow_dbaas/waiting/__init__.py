"""Waiting: conditions, polling, and shared requests."""
