"""What Airflow has to ask a person (3.1 and later, in its standard provider). Not cheap to import."""

from __future__ import annotations

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator

__all__ = ["ApprovalOperator", "HITLTimeoutError"]
