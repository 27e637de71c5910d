"""Files that operators write: on a file system or in an object store, never half-written in place of a good one."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from airflow_dbaas.api.errors import DbaasConfigurationError

_LOCAL = frozenset({"file", "local"})
#: Stores whose fsspec implementation appends without touching what is there until all has arrived.
_APPENDABLE = frozenset({"s3", "s3a"})
_BLOCK = 1 << 20


class StoredFile:
    """A file at an Airflow object storage path.

    It is replaced in one step: on a local file system by renaming a complete file, in an object store by copying a
    complete object (``.<name>.<random>.part`` beside it, removed afterwards). Local folders are made as needed.

    :param path: a local path or a URL that Airflow has a file system for.
    :param conn_id: Airflow connection to the store; the store's default, or the one in the URL, if not given.
    :raises DbaasConfigurationError: if there is no file system for the URL.
    """

    def __init__(self, path: str, conn_id: str | None) -> None:
        # Imported here: it is not cheap, and most operators write no files.
        from airflow_dbaas._compat.storage import locate

        try:
            self._fs, found = locate(path, conn_id)
        except (ValueError, ImportError) as error:
            raise DbaasConfigurationError(f"path {path!r} cannot be used: {error}") from error
        protocols: set[str] = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._local = bool(protocols & _LOCAL)
        self._appendable = bool(protocols & _APPENDABLE)
        # What a link leads to is replaced, not the link.
        self._path = os.path.realpath(found) if self._local else found

    def size(self) -> int | None:
        """Bytes; None if there is no such file."""
        # What this process has seen of a store before may be out of date.
        self._fs.invalidate_cache()
        try:
            size: int = self._fs.info(self._path)["size"]
        except FileNotFoundError:
            return None
        return size

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from ``begin`` to ``end``, that one excluded."""
        content: bytes = self._fs.cat_file(self._path, start=begin, end=end)
        return content

    def replace(self, content: bytes) -> None:
        """Write the file, or replace it."""
        with self._replacing() as file:
            file.write(content)

    def extend(self, keep: int, more: BinaryIO) -> None:
        """Put ``more``, from its beginning, behind the first ``keep`` bytes of the file; the rest of it is dropped."""
        more.seek(0)
        size = self.size() or 0
        if self._local:
            self._make_folder()
            with Path(self._path).open("r+b" if size else "wb") as file:
                file.truncate(keep)
                file.seek(keep)
                shutil.copyfileobj(more, file, _BLOCK)
                _settle(file)
        elif self._appendable and keep == size:
            with self._fs.open(self._path, "ab") as file:
                shutil.copyfileobj(more, file, _BLOCK)
        else:
            with self._replacing() as file:
                self._copy_beginning(file, keep)
                shutil.copyfileobj(more, file, _BLOCK)

    def _copy_beginning(self, target: Any, length: int) -> None:
        for begin in range(0, length, _BLOCK):
            target.write(self.read(begin, min(begin + _BLOCK, length)))

    @contextmanager
    def _replacing(self) -> Iterator[Any]:
        folder, _, name = self._path.rpartition("/")
        part = f"{folder}/.{name}.{secrets.token_hex(4)}.part"
        try:
            if self._local:
                self._make_folder()
                with Path(part).open("wb") as file:
                    yield file
                    _settle(file)
                with suppress(FileNotFoundError):
                    shutil.copymode(self._path, part)
                Path(part).replace(self._path)
            else:
                with self._fs.open(part, "wb") as file:
                    yield file
                self._fs.cp_file(part, self._path)
        finally:
            # Of a local file nothing is left by now if all went well.
            with suppress(FileNotFoundError):
                self._fs.rm_file(part)

    def _make_folder(self) -> None:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
