"""``make demo``: a migration end to end, between real servers, driven by a real Airflow."""
