"""Parameters of DAGs. Apart, because few DAGs use ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Param
else:
    try:
        from airflow.sdk import Param
    except ImportError:  # 2.11
        from airflow.models.param import Param

__all__ = ["Param"]
