"""An operation of the API, declared once.

A method of a resource states the request of one operation id; ``@operation`` makes a client method of it::

    class Integrations(Resource[ClientT]):
        @operation("get-dbaas-integration")
        def get(self, id: str) -> Request[Integration]:
            return get(f"/dbaas-integration/{identifier('id', id)}", Integration)

``client.integrations.get(…)`` sends it: the blocking client returns the answer, the async one an awaitable of it.
``Integrations.get.call(…)`` builds the ``Call`` without sending it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, get_type_hints, overload

from airflow_dbaas.api.body import encode
from airflow_dbaas.api.calls import AnswerT, Call
from airflow_dbaas.api.retries import Resend

if TYPE_CHECKING:
    from airflow_dbaas.api.client import AsyncClient, Client

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
#: Not bounded: a mixin of the clients names them as ``Self``.
ClientT = TypeVar("ClientT")


@dataclass(frozen=True, slots=True)
class Request(Generic[AnswerT]):
    """The request of an operation and the type of its answer.

    :param method: HTTP method.
    :param path: percent-encoded path below the API's base URL.
    :param answer: model of the answer.
    :param body: the ``TypedDict`` that describes the body, if there is one.
    :param fields: the body's values by property name, in snake case. They may hold secrets.
    :param resend: whether it may be sent again when it is unknown whether the API acted on it.
    """

    method: str
    path: str
    answer: type[AnswerT]
    body: type | None = None
    fields: Mapping[str, object] | None = None
    resend: Resend = Resend.ALWAYS

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


def get(path: str, answer: type[AnswerT]) -> Request[AnswerT]:
    """A GET request."""
    return Request("GET", path, answer)


def post(
    path: str,
    answer: type[AnswerT],
    body: type | None = None,
    fields: Mapping[str, object] | None = None,
    *,
    resend: Resend = Resend.ALWAYS,
) -> Request[AnswerT]:
    """A POST request."""
    return Request("POST", path, answer, body, fields, resend)


def put(
    path: str,
    answer: type[AnswerT],
    body: type | None = None,
    fields: Mapping[str, object] | None = None,
    *,
    resend: Resend = Resend.ALWAYS,
) -> Request[AnswerT]:
    """A PUT request."""
    return Request("PUT", path, answer, body, fields, resend)


def delete(path: str, answer: type[AnswerT]) -> Request[AnswerT]:
    """A DELETE request."""
    return Request("DELETE", path, answer)


class Resource(Generic[ClientT]):
    """A subject of the API: a client's operations on it.

    :param client: sends the requests.
    """

    def __init__(self, client: ClientT) -> None:
        self._client = client

    def operations(self, path: str = "") -> Iterator[tuple[str, BoundOperation[Any, Any, Any]]]:
        """All operations of this resource and of those below it, each with its place: ``services.pg.create``.

        :param path: the place of this resource.
        """
        for name, member in inspect.getmembers_static(type(self)):
            if isinstance(member, _Operation):
                yield f"{path}.{name}", getattr(self, name)
            elif isinstance(member, functools.cached_property):
                below = getattr(self, name)
                if isinstance(below, Resource):
                    yield from below.operations(f"{path}.{name}")


class UnboundOperation(Generic[P, AnswerT]):
    """An operation without a client.

    :param declared: how it was declared.
    :param owner: the resource it belongs to.
    """

    def __init__(self, declared: _Operation[P, AnswerT], owner: type[Resource[Any]]) -> None:
        self.id = declared.id.format(self=owner)
        self.owner = owner
        self.name = declared.state.__name__
        #: The class whose body declares it: the owner, or a base that several types share.
        self.declared_by = next(kind for kind in owner.__mro__ if vars(kind).get(self.name) is declared)
        self.__doc__ = declared.state.__doc__
        self._declared = declared

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self._declared.state)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    @property
    def answer(self) -> Any:
        """Model of the answer."""
        (answer,) = get_args(self.hints()["return"])
        return getattr(self.owner, "answer", answer) if isinstance(answer, TypeVar) else answer

    def hints(self) -> dict[str, Any]:
        """The types of the parameters, evaluated."""
        return get_type_hints(self._declared.state)

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[AnswerT]:
        """The call, ready to be sent with ``client.send``.

        :raises DbaasConfigurationError: if an argument breaks one of the API's limits.
        """
        declared = self._declared
        request = declared.state(self.owner, *args, **kwargs)
        body = encode(self.id, request.body, request.fields or {}) if request.body else b""
        named: Mapping[str, Any] = kwargs
        alone: tuple[Any, ...] = args
        # Only an argument that is the only one may be given by position.
        services = tuple(named[name] if name in named else alone[0] for name in declared.services)
        return Call(
            self.id, request.method, request.path, request.answer, body, request.resend, services, declared.not_found
        )


class BoundOperation(UnboundOperation[P, AnswerT], Generic[P, AnswerT, ResultT]):
    """An operation of a client: calling it sends the request.

    :param client: sends it.
    """

    def __init__(self, unbound: UnboundOperation[P, AnswerT], client: Any) -> None:
        super().__init__(unbound._declared, unbound.owner)
        self._client = client

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        """Send the request.

        :raises DbaasError: see ``airflow_dbaas.api.errors``.
        """
        # The arguments may hold a password: they are gone from this frame before anything is raised out of it.
        try:
            call = self.call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - raised again, without the frames that hold them as well
            problem = error.with_traceback(None)
        else:
            del args, kwargs
            result: ResultT = self._client.send(call)
            return result
        del args, kwargs
        raise problem


@dataclass(frozen=True)
class _Operation(Generic[P, AnswerT]):
    id: str
    state: Callable[Concatenate[Any, P], Request[AnswerT]]
    services: tuple[str, ...] = ()
    not_found: str = ""

    @overload
    def __get__(self, resource: None, owner: type) -> UnboundOperation[P, AnswerT]: ...
    @overload
    def __get__(self, resource: Resource[Client], owner: type) -> BoundOperation[P, AnswerT, AnswerT]: ...
    @overload
    def __get__(
        self, resource: Resource[AsyncClient], owner: type
    ) -> BoundOperation[P, AnswerT, Awaitable[AnswerT]]: ...
    def __get__(self, resource: Any, owner: Any) -> Any:
        unbound = UnboundOperation(self, owner)
        return unbound if resource is None else BoundOperation(unbound, resource._client)


def operation(
    id: str, *, services: tuple[str, ...] = (), not_found: str = ""
) -> Callable[[Callable[Concatenate[Any, P], Request[AnswerT]]], _Operation[P, AnswerT]]:
    """Declares that a method of a resource states the request of one operation.

    :param id: operation id of the API. If there is one for each type, ``{self.service_type}`` in it is replaced with
        that attribute of the resource.
    :param services: the parameters that name services which must exist. The clients act on none of another zone.
    :param not_found: what a 404 may mean, for the error text.
    """
    return lambda state: _Operation(id, state, services, not_found)
