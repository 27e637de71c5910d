"""Task groups and branches. Apart, because few DAGs use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import TaskGroup
    from airflow.sdk.bases.branch import BaseBranchOperator
else:
    try:
        from airflow.sdk import TaskGroup
    except ImportError:  # 2.11
        from airflow.utils.task_group import TaskGroup
    try:
        from airflow.providers.standard.operators.branch import BaseBranchOperator
    except ImportError:  # 2.11 without that provider
        from airflow.operators.branch import BaseBranchOperator

__all__ = ["BaseBranchOperator", "TaskGroup"]
