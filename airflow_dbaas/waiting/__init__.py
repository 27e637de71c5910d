"""Waiting: what is waited for, how it is polled, and what waits share."""
