"""Reading what came back: an answer of the API, or one of the errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydantic

from airflow_dbaas.api import redaction
from airflow_dbaas.api.calls import AnswerT, Call
from airflow_dbaas.api.errors import DbaasResponseError, status_error
from airflow_dbaas.api.redaction import Secret, redact
from airflow_dbaas.api.retries import parse_retry_after

_MESSAGE_LENGTH = 500

#: Properties of a problem in an error answer: its description, and its location.
_PROBLEM = ("detail", "message", "title")
_PLACE = ("pointer", "path", "location")


# Not a NamedTuple, see ``Call``.
@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """The answer of a server.

    :param status: HTTP status.
    :param reason: the status in words.
    :param headers: its headers, by name in lower case. Not part of ``repr``, as its body: they may hold a password.
    :param content: its body.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"<Reply {self.status} {self.reason}>"


class Memory:
    """The last answer to a repeated call: parsing a long list takes longer than comparing it."""

    def __init__(self) -> None:
        # Not an empty one, which might come first.
        self._content: bytes | None = None
        self._answer: Any = None

    def read(self, call: Call[AnswerT], reply: Reply) -> AnswerT:
        """As ``read``; the same object as before, if nothing has changed."""
        if reply.status != 200 or reply.content != self._content:
            self._answer = read(call, reply)
            self._content = reply.content
        answer: AnswerT = self._answer
        return answer


def read(call: Call[AnswerT], reply: Reply) -> AnswerT:
    """The answer to a call.

    :param call: what was sent.
    :param reply: what came back.
    :raises DbaasApiError: for an error status, with the API's own words.
    :raises DbaasResponseError: for a redirect, a body that does not match the API's document, or the error page of a
        gateway.
    """
    if reply.status >= 400:
        if _is_foreign(reply):
            raise DbaasResponseError(
                f"{call}: {reply.status} {reply.reason} with {_described(reply.content)}, which does not come from "
                "the API but from a gateway or proxy in front of it"
            )
        # Cut only when the secrets are out, or half of one might stay.
        said = redact(_message(reply.content), secrets_in(call.body))[:_MESSAGE_LENGTH]
        if reply.status == 404 and call.not_found:
            said = f"{said or reply.reason} ({call.not_found})"
        raise status_error(
            reply.status,
            said or reply.reason,
            retry_after=parse_retry_after(reply.headers.get("retry-after"), date=reply.headers.get("date")),
            context=str(call),
        )
    if reply.status >= 300:
        where = redact(reply.headers.get("location", "nowhere"))
        raise DbaasResponseError(f"{call}: unexpected redirect to {where}", retryable=False)
    try:
        return _parse(call.answer, reply.content)
    except pydantic.ValidationError as error:
        what = error.errors(include_input=False, include_url=False)[0]
    # Raised out here, without the validation error: that one and its frames hold the answer, which may hold a password.
    from airflow_dbaas.api.body import sentence

    place = ".".join(str(part) for part in what["loc"])
    raise DbaasResponseError(
        f"{call}: the answer ({reply.headers.get('content-type', 'no content type')}, "
        f"{len(reply.content)} bytes) does not match the API's document: {place or 'body'} {sentence(what)}"
    )


def secrets_in(content: bytes) -> set[Secret]:
    """The secrets in a body of any answer; none if it is not JSON."""
    return redaction.secrets_in(_as_json(content)) if redaction.may_hold_secrets(content) else set()


def _is_foreign(reply: Reply) -> bool:
    """Whether a final error status comes from a gateway in front of the API.

    The API says why it refuses, as JSON. A failing gateway sends a page, or nothing. If that counted as the API's
    answer, tasks would end, or existing resources would look deleted (404).
    """
    if reply.status in {401, 403}:
        problem = _as_json(reply.content)
        return not isinstance(problem, dict) or not problem
    final = 400 <= reply.status < 500 or reply.status == 501
    return final and reply.status not in {408, 429} and _is_html(reply.content)


def _is_html(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _as_json(content: bytes) -> Any:
    """A body as plain data, or None if it is not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _described(content: bytes) -> str:
    if not content.strip():
        return "an empty body"
    return f"{'an HTML page' if _is_html(content) else 'a body'} of {len(content)} bytes"


def _parse(kind: type[AnswerT], content: bytes) -> AnswerT:
    try:
        return kind.model_validate_json(content)
    except pydantic.ValidationError as error:
        if error.errors(include_input=False, include_url=False)[0]["type"] != "json_invalid":
            raise
        # A log line may be cut within a character, which must not make the page unreadable. Broken characters are
        # replaced: half of a surrogate pair, bytes that are not UTF-8.
        try:
            whole = json.loads(content.decode("utf-8-sig", errors="replace"))
            mended = json.dumps(whole, ensure_ascii=False).encode(errors="replace")
        except (ValueError, RecursionError):
            raise error from None
    return kind.model_validate_json(mended)


def _message(content: bytes) -> str:
    """The API's own words in an error answer, whichever of its shapes it has."""
    text = content.decode(errors="replace").strip()
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return f"({_described(content)})" if _is_html(content) else text
    if not isinstance(body, dict):
        return _words(body)
    problems = body.get("errors")
    parts = [body.get(name) for name in ("message", "detail", "error", "title")]
    parts += problems if isinstance(problems, list) else [problems]
    said = [words for part in parts if (words := _words(part))]
    # The same words may occur twice, for the whole and for a part. An unknown form is shown unchanged.
    return "; ".join(dict.fromkeys(said)) or (text if body else "")


def _words(part: object) -> str:
    """The text of a part of an error: a text, or a problem with its location."""
    if not isinstance(part, dict):
        return str(part or "")
    words = (next((str(part[name]) for name in names if part.get(name)), "") for names in (_PROBLEM, _PLACE))
    return " at ".join(each for each in words if each)
