"""Apache Airflow provider for Exoscale's managed databases (DBaaS)."""

__version__ = "0.1.0"
