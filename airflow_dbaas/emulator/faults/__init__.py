"""Faults: the emulator fails as networks and APIs do, as it is told to by rules."""

from __future__ import annotations

from airflow_dbaas.emulator.faults.rules import BadRules, Faults, Request

__all__ = ["BadRules", "Faults", "Request"]
