"""TLS of a PostgreSQL server: its certificate, its key, and the rule that requires TLS."""

from __future__ import annotations

from pathlib import Path

# As what initdb writes, but "hostssl": a client that does without TLS is turned away, as by the service.
_CLIENTS = """\
# TYPE   DATABASE     USER  ADDRESS       METHOD
hostssl  all          all   127.0.0.1/32  scram-sha-256
hostssl  all          all   ::1/128       scram-sha-256
hostssl  replication  all   127.0.0.1/32  scram-sha-256
hostssl  replication  all   ::1/128       scram-sha-256
"""


def demand(certificate: Path, key: Path, data: Path) -> dict[str, str]:
    """Make the server with ``data`` accept TLS connections only; returns the settings for it."""
    (data / "pg_hba.conf").write_text(_CLIENTS)
    return {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
