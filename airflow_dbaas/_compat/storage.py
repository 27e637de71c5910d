"""Airflow's object storage. Apart, because few tasks use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath
else:
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # 2.11
        from airflow.io.path import ObjectStoragePath

__all__ = ["locate"]


def locate(path: str, conn_id: str | None) -> tuple[Any, str]:
    """The fsspec file system of an object storage path, and the path within it.

    :param path: a local path or a URL such as ``s3://bucket/key``; it may name its connection: ``s3://conn@bucket/…``.
    :param conn_id: the Airflow connection to the store.
    :raises ValueError: if no file system is known for the URL's scheme.
    """
    found = ObjectStoragePath(path, conn_id=conn_id)
    return found.fs, found.path
