"""The text of every error: one paragraph that can be pasted into a message."""

from __future__ import annotations

import pickle

import pytest

from airflow_dbaas.api import errors

TREE = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DbaasError)),
    key=lambda kind: kind.__name__,
)

every_error = pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)


@every_error
def test_one_paragraph(kind: type[errors.DbaasError]) -> None:
    """Line breaks, tabs and runs of blanks of an API's or a driver's text become single blanks."""
    error = kind('  no such plan\r\n\tLINE 1:\u2028  SELECT "x"\n\n')
    assert str(error) == 'no such plan LINE 1: SELECT "x"'


@every_error
def test_bounded(kind: type[errors.DbaasError]) -> None:
    """At most 1500 characters; that something is missing can be seen."""
    assert str(kind("x" * 1500)) == "x" * 1500
    assert str(kind("x" * 1501)) == "x" * 1499 + "…"
    assert str(kind("y" * 100_000)).startswith("y" * 1499)
    assert len(str(kind("z " * 100_000))) == 1500


@every_error
@pytest.mark.parametrize("where", [0, 1440, 1490])
def test_no_password_of_a_uri(kind: type[errors.DbaasError], where: int) -> None:
    """A URI's password is masked before the text is cut, so that no half of it is left."""
    text = str(
        kind("." * where + " cannot reach postgres://admin:canary/p@ss@db.example.com:5432/shop?sslmode=require")
    )
    assert "canary" not in text
    assert "p@ss" not in text
    if where == 0:
        assert text.endswith("postgres://admin:***@db.example.com:5432/shop?sslmode=require")


@every_error
def test_what_goes_through_a_process_comes_out_the_same(kind: type[errors.DbaasError]) -> None:
    """An error that is pickled, or made anew from its text, keeps that text."""
    error = kind("long\n" * 1000)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(kind(str(error))) == str(error)


def test_a_status_error_is_bounded_too() -> None:
    """A proxy's whole page as the API's message does not end in the text."""
    error = errors.status_error(502, "<html>\n" + "<p>sorry</p>\n" * 1000, context="list-dbaas-services")
    assert str(error).startswith("list-dbaas-services: 502 <html> <p>sorry</p> <p>sorry</p>")
    assert len(str(error)) == 1500
