"""TLS of a PostgreSQL server: its certificate, its key, and that nobody gets in without."""

from __future__ import annotations

from pathlib import Path

from airflow_dbaas.emulator.certificates import Identity
from airflow_dbaas.emulator.postgres.account import Account

# As what initdb writes, but "hostssl": a client that does without TLS is turned away, as by the service.
_CLIENTS = """\
# TYPE   DATABASE     USER  ADDRESS       METHOD
hostssl  all          all   127.0.0.1/32  scram-sha-256
hostssl  all          all   ::1/128       scram-sha-256
hostssl  replication  all   127.0.0.1/32  scram-sha-256
hostssl  replication  all   ::1/128       scram-sha-256
"""


def demand(identity: Identity, directory: Path, data: Path, account: Account | None) -> dict[str, str]:
    """Have the server with ``data`` take TLS connections only; returns the settings that go with it.

    :param directory: the server's own folder; certificate and key are put there.
    :param account: whom the server runs as; None if that is this process's own account.
    """
    certificate, key = directory / "server.crt", directory / "server.key"
    for path, content in ((certificate, identity.certificate), (key, identity.key)):
        # Closed before anything is in it, and owned by the server: it refuses a key that others could read.
        path.touch(mode=0o600)
        path.write_bytes(content)
        if account is not None:
            account.take(path, 0o600)
    (data / "pg_hba.conf").write_text(_CLIENTS)
    return {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
