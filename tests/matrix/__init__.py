"""The package in each Airflow that its users have: ``python -m tests.matrix``."""
