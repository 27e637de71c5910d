"""Texts from elsewhere lose their secrets."""

import pytest

from airflow_dbaas.api.redaction import one_line, redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cannot reach postgres://u:p@h:5432/db", "cannot reach postgres://u:***@h:5432/db"),
        ("postgres://u:p@ss/w:rd@h/db?x=1 failed", "postgres://u:***@h/db?x=1 failed"),
        ("mysql://root:@h", "mysql://root:***@h"),
        ("host=h password=abc user=u", "host=h password=*** user=u"),
        ("password='a b\\' c' x", "password=*** x"),
        ("{'user': 'u', 'password': 'a b', 'x': 1}", "{'user': 'u', 'password': ***, 'x': 1}"),
        ('{"password": "a\\"b"}', '{"password": ***}'),
        ("UserSecrets(username='u', password='x')", "UserSecrets(username='u', password=***)"),
        ("(password=abc)", "(password=***)"),
        ("password authentication failed for user", "password authentication failed for user"),
        ("https://h/path?x=a@b stays", "https://h/path?x=a@b stays"),
        ("http://127.0.0.1:8080/v2 stays", "http://127.0.0.1:8080/v2 stays"),
        ("https://token@h/path, HTTP://t@k%40n@[::1]:80/", "https://***@h/path, HTTP://***@[::1]:80/"),
        ("https://h/, write to a@b stays", "https://h/, write to a@b stays"),
        ("https://h#a@b stays", "https://h#a@b stays"),
        ("postgres://user@h/db stays", "postgres://user@h/db stays"),
    ],
)
def test_passwords_in_uris_and_connection_strings(text: str, clean: str) -> None:
    """Passwords are masked where their place gives them away; the rest stays readable."""
    assert redact(text) == clean


def test_known_secrets_in_every_spelling() -> None:
    """A secret that is known is masked as it is and URL-encoded."""
    secret = "p@ss/w rd"
    text = "p@ss/w rd p%40ss/w%20rd p%40ss%2Fw%20rd p%40ss%2Fw+rd"
    assert redact(text, [secret]) == "*** *** *** ***"


def test_one_line_stays_one() -> None:
    """What ends a line for whoever reads it, or steers a terminal, is shown and does nothing; letters stay."""
    assert one_line("a\r\n\tb\x00c\x1b[2Jd\x7f\x85\u2028e\u202e") == (r"a\r\n\tb\x00c\x1b[2Jd\x7f\x85\u2028e\u202e")
    assert one_line(r"é → 漢字 \n {{ ds }}") == r"é → 漢字 \n {{ ds }}"
    # Half of a surrogate pair cannot be written to a log.
    assert one_line("a\ud800b") == r"a\ud800b"
