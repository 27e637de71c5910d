"""Users and databases inside services, and passwords."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.accounts import DatabaseService
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


def _serve(type_name: str, user_word: str) -> None:
    """Serve a type's users and databases; ``user_word`` is what the type is called in operations about users."""

    def service_of(state: State, call: Call) -> DatabaseService[Any]:
        service = state.services.get_typed(call.parameters["service-name"], type_name)
        assert isinstance(service, DatabaseService)  # noqa: S101  (all services of these types are)
        return service

    def done(state: State, service: DatabaseService[Any]) -> dict[str, Any]:
        return state.operations.begin(service.reference()).view()

    @serves(f"reveal-dbaas-{user_word}-user-password")
    async def reveal_password(state: State, call: Call) -> dict[str, Any]:
        username = call.parameters["username"]
        return {"username": username, "password": service_of(state, call).password(username)}

    @serves(f"reset-dbaas-{user_word}-user-password")
    async def reset_password(state: State, call: Call) -> dict[str, Any]:
        service = service_of(state, call)
        async with service.changing:
            await service.set_password(call.parameters["username"], call.body)
        return done(state, service)

    @serves(f"create-dbaas-{user_word}-user")
    async def create_user(state: State, call: Call) -> dict[str, Any]:
        service = service_of(state, call)
        async with service.changing:
            await service.add_user(call.body["username"], call.body)
        return done(state, service)

    @serves(f"delete-dbaas-{user_word}-user")
    async def delete_user(state: State, call: Call) -> dict[str, Any]:
        service = service_of(state, call)
        async with service.changing:
            await service.drop_user(call.parameters["username"])
        return done(state, service)

    @serves(f"create-dbaas-{type_name}-database")
    async def create_database(state: State, call: Call) -> dict[str, Any]:
        service = service_of(state, call)
        async with service.changing:
            await service.add_database(call.body["database-name"], call.body)
        return done(state, service)

    @serves(f"delete-dbaas-{type_name}-database")
    async def delete_database(state: State, call: Call) -> dict[str, Any]:
        service = service_of(state, call)
        async with service.changing:
            await service.drop_database(call.parameters["database-name"])
        return done(state, service)


_serve("pg", "postgres")
_serve("mysql", "mysql")
