"""The hunt for secrets: canaries, the forms in which one could have got out, and what is searched for them."""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

#: Every sign that an escape changes: of URLs, of JSON, of Python, of SQL and of HTML.
AWKWARD = "C@n/ary \"pä&ss%41+ é'<\\"

#: Airflow's masker leaves alone what has fewer than 5 characters, so nothing but our own code keeps this one.
SHORT = "¶\"@'"

#: Shorter ends of Base64 turn up by chance.
SHORTEST_BASE64 = 6


def spellings(secret: str) -> dict[str, bytes]:
    """The forms in which a secret could have got out, by name; UTF-8."""
    plain, in_json = json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1]
    forms = {
        "raw": secret,
        "quote": quote(secret),
        "quote, safe=''": quote(secret, safe=""),
        "quote, lower case": quote(secret, safe="").replace("%", "%%").lower().replace("%%", "%"),
        "quote_plus": quote_plus(secret),
        "quoted twice": quote(quote(secret, safe=""), safe=""),
        "JSON": in_json,
        "JSON, Unicode": plain,
        "JSON in JSON": json.dumps(in_json)[1:-1],
        "JSON in JSON, Unicode": json.dumps(plain, ensure_ascii=False)[1:-1],
        "repr": repr(secret)[1:-1],
        "ascii": ascii(secret)[1:-1],
        "HTML": html.escape(secret),
        "SQL": secret.replace("'", "''"),
    }
    encoded = {name: form.encode() for name, form in forms.items()}
    for offset in range(3):
        # What stands before it, as the user's name in HTTP's Authorization, moves it, and changes the first signs; what
        # comes after it changes the last ones.
        raw = bytes(offset) + secret.encode()
        start, end = -(-offset * 8 // 6), len(raw) * 8 // 6
        for name, encode in {"Base64": base64.b64encode, "Base64 for URLs": base64.urlsafe_b64encode}.items():
            if end - start >= SHORTEST_BASE64:
                encoded[f"{name} at {offset}"] = encode(raw)[start:end]
    return encoded


def search(places: Mapping[str, str | bytes], secrets: Mapping[str, str]) -> list[str]:
    """Look for secrets in places.

    :param places: what is searched, by name.
    :param secrets: the secrets, by name.
    :returns: what was found where and in which form; names and forms only.
    """
    forms: dict[bytes, list[str]] = {}
    for what, secret in secrets.items():
        for name, form in spellings(secret).items():
            forms.setdefault(form, []).append(f"{what} ({name})")
    found = []
    for place, content in places.items():
        raw = content if isinstance(content, bytes) else content.encode(errors="surrogateescape")
        found += [f"{each} is in: {place}" for form, names in forms.items() if form in raw for each in names]
    return found


def files(folder: Path) -> dict[str, bytes]:
    """The contents of all files below a folder."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def dump(database: Path | str, tables: Iterable[str] | None = None) -> dict[str, str]:
    """Every column of every table of a database; values as they are, not as SQL would write them.

    :param database: the file of an SQLite database, or any as SQLAlchemy's URL.
    :param tables: only these.
    """
    found = {}
    engine = create_engine(f"sqlite:///{database}" if isinstance(database, Path) else database, poolclass=NullPool)
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names() if tables is None else tables:
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"')
            columns = list(rows.keys())
            values = list(zip(*rows.fetchall(), strict=True)) or [()] * len(columns)
            for column, content in zip(columns, values, strict=True):
                found[f"table {table}.{column}"] = "\n".join(map(_text, content))
    return found


def _text(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode(errors="surrogateescape")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def command_lines() -> set[bytes]:
    """The command lines of all processes on this machine."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.add(file.read_bytes().replace(b"\0", b" "))
    return found


@contextmanager
def repeated(look: Callable[[], None], seconds: float) -> Iterator[None]:
    """While something goes on, look again and again.

    :param look: takes down what is there at the moment.
    :param seconds: the pause between two looks.
    """
    errors: list[Exception] = []
    over = threading.Event()

    def watch() -> None:
        try:
            while not over.wait(seconds):
                look()
        except Exception as error:  # noqa: BLE001 - raised again by the thread that asked for it
            errors.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    for error in errors:
        raise error
