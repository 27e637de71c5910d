"""Faults: by rules, the emulator fails as networks and APIs do."""

from __future__ import annotations

from airflow_dbaas.emulator.faults.rules import BadRules, Faults, Request

__all__ = ["BadRules", "Faults", "Request"]
