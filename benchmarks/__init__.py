"""Measurements beside others that do the same work: ``make bench`` prints them as one table."""
