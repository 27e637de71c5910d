"""What Airflow has of retry policies (3.3 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import RetryDecision, RetryPolicy
else:
    try:
        from airflow.sdk import RetryDecision, RetryPolicy
    except ImportError:  # before 3.3
        RetryDecision = None
        RetryPolicy = object

__all__ = ["HAS_RETRY_POLICIES", "RetryDecision", "RetryPolicy"]

HAS_RETRY_POLICIES: bool = RetryDecision is not None
