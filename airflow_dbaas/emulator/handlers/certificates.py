"""The CA certificate with which clients verify servers."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("get-dbaas-ca-certificate")
async def get_ca_certificate(state: State, call: Call) -> dict[str, Any]:
    """The certificate that signed the servers' own, in PEM."""
    return {"certificate": state.authority.pem}
