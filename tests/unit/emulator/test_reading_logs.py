"""A log that goes away while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers import HANDLERS, Call
from airflow_dbaas.emulator.services import Services


class Vanishing:
    """A log whose file is gone when its entries are to be read."""

    unit = "x.service"

    def stamps(self) -> Sequence[int]:
        return [1]

    def entries(self, first: int, last: int) -> Any:
        raise FileNotFoundError("log")


@pytest.fixture
def state(tmp_path) -> Any:
    return SimpleNamespace(services=Services(tmp_path, 0))


async def read(state: Any, name: str) -> Any:
    return await HANDLERS["get-dbaas-service-logs"](state, Call({"service-name": name}, {}))


async def test_of_a_service_deleted_meanwhile_the_log_is_not_found(state):
    """As it would have been a moment later."""
    service = SimpleNamespace(name="gone")

    class Deleted(Vanishing):
        def entries(self, first: int, last: int) -> Any:
            del state.services._known["gone"]
            return super().entries(first, last)

    service.log = Deleted()
    state.services._known["gone"] = service
    with pytest.raises(ApiError, match="Service gone does not exist") as refusal:
        await read(state, "gone")
    assert refusal.value.status == 404


async def test_of_a_service_that_is_there_a_lost_log_is_an_error(state):
    """It is not taken for a deletion."""
    state.services._known["here"] = SimpleNamespace(name="here", log=Vanishing())
    with pytest.raises(FileNotFoundError):
        await read(state, "here")
