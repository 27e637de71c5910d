"""Comparing the two ends of a migration."""
