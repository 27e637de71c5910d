"""The emulator serves every operation that the clients offer."""

from airflow_dbaas.emulator.handlers import HANDLERS
from tests.contract.operations import OPERATIONS


def test_every_operation_of_the_clients_is_served() -> None:
    """An operation without a handler would be answered with 501."""
    assert not set(OPERATIONS) - set(HANDLERS)
