"""Task groups. Apart, because few DAGs use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import TaskGroup
else:
    try:
        from airflow.sdk import TaskGroup
    except ImportError:  # 2.11
        from airflow.utils.task_group import TaskGroup

__all__ = ["TaskGroup"]
