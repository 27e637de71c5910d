"""The persistent state of an emulator: documents in an SQLite file.

When ``save`` returns, the documents are completely on disk. If the emulator is killed before, they are unchanged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

Key = tuple[str, str]
"""Kind and id of a document."""
Document = dict[str, Any]

FORMAT = 1
"""Incremented when older versions can no longer read the documents."""
_APPLICATION = 0x41444241  # "ADBA"
_MARKS = {"application_id": _APPLICATION, "user_version": FORMAT}
_FILE = "emulator.sqlite3"
_OWN = {_FILE, f"{_FILE}-journal"}


class Unusable(Exception):
    """The directory cannot be used; the text says why. Nothing in it was changed."""


class Store:
    """The documents of one directory, locked against other emulators."""

    def __init__(self, directory: Path, claim: int, database: sqlite3.Connection) -> None:
        self.directory = directory
        self._claim = claim
        self._database = database
        rows = database.execute("SELECT kind, id, document FROM documents ORDER BY number")
        self._saved: dict[Key, str] = {(kind, identifier): text for kind, identifier, text in rows}

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The store in ``directory``, which is created if it does not exist; ``OSError`` or ``Unusable`` on failure."""
        directory.mkdir(parents=True, exist_ok=True)
        claim = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(claim, directory)
            file = directory / _FILE
            if not file.exists() or file.stat().st_size == 0:
                _require_empty(directory)
            # Only for the emulator's account. SQLite gives the files next to it the same mode.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            return cls(directory, claim, _connect(file))
        except sqlite3.Error as error:
            os.close(claim)
            raise Unusable(f"the state in {directory / _FILE} cannot be read: {error}") from error
        except BaseException:
            os.close(claim)
            raise

    def documents(self, kind: str) -> Iterator[Document]:
        """All documents of a kind, oldest first."""
        for (each, _), text in self._saved.items():
            if each == kind:
                yield json.loads(text)

    def save(self, documents: Mapping[Key, Document]) -> None:
        """Store exactly these documents. Only changed ones are written."""
        wanted = {key: json.dumps(document, ensure_ascii=False) for key, document in documents.items()}
        changed = [(*key, text) for key, text in wanted.items() if self._saved.get(key) != text]
        gone = [key for key in self._saved if key not in wanted]
        if not changed and not gone:
            return
        with self._database:
            self._database.executemany("DELETE FROM documents WHERE kind = ? AND id = ?", gone)
            self._database.executemany(
                "INSERT INTO documents (kind, id, document) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
                changed,
            )
        self._saved = wanted

    def remove_folders_but(self, known: set[str]) -> None:
        """Remove servers' folders that were begun or left for services that nothing is known of."""
        for entry in self.directory.iterdir():
            with contextlib.suppress(ValueError):
                if str(uuid.UUID(entry.name)) == entry.name not in known:
                    shutil.rmtree(entry, ignore_errors=True)

    def close(self) -> None:
        """Let go of the directory."""
        self._database.close()
        os.close(self._claim)


def _lock(claim: int, directory: Path) -> None:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unusable(f"{directory} is in use by another emulator") from None


def _require_empty(directory: Path) -> None:
    foreign = sorted({each.name for each in directory.iterdir()} - _OWN)
    if foreign:
        raise Unusable(
            f"{directory} does not contain the state of an emulator, and is not empty: it has {foreign[0]!r}"
        )


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    try:
        database.execute("PRAGMA synchronous = FULL")
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            _begin(database)
        _require_format(file, *(database.execute(f"PRAGMA {each}").fetchone()[0] for each in _MARKS))
    except BaseException:
        database.close()
        raise
    return database


def _begin(database: sqlite3.Connection) -> None:
    with database:
        database.execute("BEGIN")
        for name, value in _MARKS.items():
            database.execute(f"PRAGMA {name} = {value}")
        database.execute(
            "CREATE TABLE documents (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, "
            "document TEXT NOT NULL, UNIQUE (kind, id))"
        )


def _require_format(file: Path, application: int, found: int) -> None:
    if application != _APPLICATION:
        raise Unusable(f"{file} was not written by an emulator")
    if found != FORMAT:
        raise Unusable(
            f"{file} was written by another version of the emulator: it has format {found}, this one reads {FORMAT}"
        )
