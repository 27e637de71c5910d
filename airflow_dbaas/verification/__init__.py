"""Comparing the two ends of a migration, and completing what replication leaves out."""
