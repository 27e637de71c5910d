"""Common parts of all database servers: account, life cycle, logs and resource usage."""
