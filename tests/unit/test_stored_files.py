"""Files that operators write: on a local file system, in an object store, and what a failure leaves."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.observability import LogEntry
from airflow_dbaas.operators.observability import StoredFile, Tail, line, read_tail


class Appending(MemoryFileSystem):
    """A store that appends, as S3 does with s3fs; it notes how its objects are opened."""

    protocol = "s3"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in the class above, of all instances
    pseudo_dirs = [""]  # noqa: RUF012
    modes: list[str] = []  # noqa: RUF012

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        self.modes.append(mode)
        return super()._open(path, mode, **options)


class Breaking(io.BytesIO):
    """Content that breaks off in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError("broken off")
        return super().read(4)


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``memory://``, which cannot append, and ``s3://``, which can."""
    monkeypatch.setattr("airflow.sdk.io.store._STORE_CACHE", {})
    attach("memory", fs=MemoryFileSystem())
    attach("s3", fs=Appending())
    yield
    for kind in (MemoryFileSystem, Appending):
        kind.store.clear()


@pytest.fixture(params=["local", "memory", "s3"])
def path(request: pytest.FixtureRequest, stores: None, tmp_path: Path) -> str:
    """A path in a folder that is not there yet, on each kind of store."""
    return {"local": f"{tmp_path}/new folder/[a].bin", "memory": "memory://b/a.bin", "s3": "s3://b/a.bin"}[
        request.param
    ]


def content(path: str) -> bytes:
    file = StoredFile(path, None)
    return file.read(0, file.size() or 0)


def everything(path: str) -> list[str]:
    """Names of all files in the folder, remains of failures included."""
    if "://" not in path:
        return [entry.name for entry in Path(path).parent.iterdir()]
    return [name.rpartition("/")[2] for name in (MemoryFileSystem if "memory" in path else Appending).store]


def test_a_file_is_written_replaced_and_extended(path: str) -> None:
    """Nothing is left beside it."""
    file = StoredFile(path, None)
    assert file.size() is None
    file.replace(b"first")
    file.replace(b"second")
    assert content(path) == b"second"
    file.extend(6, io.BytesIO(b" third"))
    assert content(path) == b"second third"
    # What is behind the part to keep is dropped.
    file.extend(3, io.BytesIO(b"ret"))
    assert content(path) == b"secret"
    assert everything(path) == [path.rpartition("/")[2]]


def test_a_file_can_begin_with_an_extension(path: str) -> None:
    """There need not be one."""
    StoredFile(path, None).extend(0, io.BytesIO(b"all"))
    assert content(path) == b"all"


def test_more_than_a_block_is_copied(path: str) -> None:
    """Of the old content as of the new."""
    old, new = b"0123456789" * 250_000, b"abcdefghij" * 250_000
    file = StoredFile(path, None)
    file.replace(old + b"to be dropped")
    file.extend(len(old), io.BytesIO(new))
    assert content(path) == old + new


def test_a_store_that_can_append_is_not_rewritten(stores: None) -> None:
    """On S3 what is there stays where it is."""
    file = StoredFile("s3://b/a.bin", None)
    file.replace(b"old")
    Appending.modes.clear()
    file.extend(3, io.BytesIO(b" new"))
    assert Appending.modes == ["ab"]


def test_a_failure_leaves_a_good_file(path: str) -> None:
    """Of a replacement nothing is seen; of an extension at most a beginning, behind all that was there."""
    file = StoredFile(path, None)
    file.replace(b"good")
    with pytest.raises(OSError, match="broken off"):
        file.extend(4, Breaking(b"new and long"))
    assert content(path) in ({b"good"} if path.startswith("memory") else {b"good", b"goodnew "})
    assert everything(path) == [path.rpartition("/")[2]]


def test_a_link_and_the_permissions_stay(tmp_path: Path) -> None:
    """What the link leads to is replaced."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    StoredFile(str(link), None).replace(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_an_unknown_store_is_refused() -> None:
    """The error names the path."""
    with pytest.raises(DbaasConfigurationError, match="path 'nope://b/a' cannot be used"):
        StoredFile("nope://b/a", None)


def entry(time: int, message: str) -> LogEntry:
    return LogEntry(time=f"2026-01-01T00:00:00.{time:06}Z", unit="u", node="db-1", message=message)


def tail_of(path: str) -> Tail:
    file = StoredFile(path, None)
    return read_tail(file, file.size() or 0)


@pytest.mark.parametrize("length", [1, 70_000, 300_000])
def test_the_tail_is_all_that_shares_the_last_time(path: str, length: int) -> None:
    """However long the lines are, and whatever is in them."""
    entries = [entry(1, "x" * length), entry(2, "a\n\u2028b"), entry(2, "ö" * length), entry(2, "a\n\u2028b")]
    StoredFile(path, None).replace(b"".join(map(line, entries)))
    assert tail_of(path).entries == entries[1:]
    assert tail_of(path).end == len(content(path))


def test_a_file_of_one_time_is_read_from_its_beginning(path: str) -> None:
    """All of it is its tail."""
    entries = [entry(5, f"{number} {'x' * 1000}") for number in range(200)]
    StoredFile(path, None).replace(b"".join(map(line, entries)))
    assert tail_of(path).entries == entries


@pytest.mark.parametrize("cut", [1, 30, 100])
def test_a_line_that_was_cut_off_does_not_count(path: str, cut: int) -> None:
    """Neither its content nor its length."""
    first, last = line(entry(1, "first")), line(entry(2, "last" * 20))
    StoredFile(path, None).replace((first + last)[:-cut])
    assert tail_of(path) == Tail(len(first), [entry(1, "first")])


def test_a_first_line_that_was_cut_off_leaves_nothing(path: str) -> None:
    """The file is begun anew."""
    StoredFile(path, None).replace(line(entry(1, "only"))[:-5])
    assert tail_of(path) == Tail(0, [])


@pytest.mark.parametrize("last", ["no json", "[1]", "{}", json.dumps({"time": "yesterday"}), ""])
def test_another_file_is_refused(path: str, last: str) -> None:
    """It is not continued by mistake."""
    StoredFile(path, None).replace(f"{last}\n".encode())
    with pytest.raises(DbaasConfigurationError, match="the file at path was not written by this operator"):
        tail_of(path)
