"""Sample content: services, a database to migrate from, and links.

Existing resources are not changed, so this can run at each start.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers import HANDLERS, Call, State
from airflow_dbaas.emulator.pg_service import PgService

SOURCE, METRICS, GRAFANA = "demo-source", "demo-metrics", "demo-grafana"
DATABASE = "shop"
ENDPOINT = "demo-syslog"
_ENDPOINT_SETTINGS = {"server": "syslog.example.com", "port": 6514, "tls": True, "format": "rfc5424"}

_TABLES = """
CREATE SEQUENCE invoice_numbers START 1001;
CREATE TABLE customers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    city text NOT NULL,
    since date NOT NULL
);
CREATE TABLE products (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    price numeric(8, 2) NOT NULL CHECK (price > 0),
    attributes jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    invoice int NOT NULL DEFAULT nextval('invoice_numbers') UNIQUE,
    placed_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'paid', 'sent', 'returned'))
);
CREATE TABLE order_items (
    order_id int REFERENCES orders ON DELETE CASCADE,
    product_id int REFERENCES products,
    quantity int NOT NULL CHECK (quantity > 0),
    price numeric(8, 2) NOT NULL,
    PRIMARY KEY (order_id, product_id)
);
CREATE INDEX ON orders (customer_id);
CREATE VIEW order_totals AS
    SELECT o.id, o.customer_id, o.placed_at, o.status, sum(i.quantity * i.price) AS total
    FROM orders AS o JOIN order_items AS i ON i.order_id = o.id GROUP BY o.id;
CREATE VIEW revenue_by_month AS
    SELECT date_trunc('month', placed_at, 'UTC') AS month, count(*) AS orders, sum(total) AS revenue
    FROM order_totals WHERE status <> 'returned' GROUP BY 1;

INSERT INTO customers (name, email, city, since)
    SELECT (ARRAY['Mia', 'Noah', 'Zoé', 'Luca', 'Léa', 'Jürg', 'Chiara'])[1 + n % 7] || ' '
            || (ARRAY['Müller', 'Favre', 'Rossi', 'Keller', 'Caduff'])[1 + n % 5],
        'customer' || n || '@example.com',
        (ARRAY['Zürich', 'Genève', 'Lugano', 'Bern', 'Chur', 'Basel'])[1 + n % 6],
        date '2023-01-01' + n
    FROM generate_series(1, 500) AS n;
INSERT INTO products (name, price, attributes)
    SELECT (ARRAY['Rucksack', 'Lamp', 'Bottle', 'Tent', 'Map'])[1 + n % 5] || ' no. ' || n,
        5 + (n * 37 % 400) / 4.0,
        jsonb_build_object('weight', n * 13 % 900, 'colour', (ARRAY['red', 'grün', 'bleu'])[1 + n % 3])
    FROM generate_series(1, 80) AS n;
INSERT INTO orders (customer_id, placed_at, status)
    SELECT 1 + n * 7 % 500, timestamptz '2025-01-01 08:00+00' + n * interval '3 hours',
        (ARRAY['paid', 'sent', 'sent', 'open', 'sent', 'returned'])[1 + n % 6]
    FROM generate_series(1, 2500) AS n;
INSERT INTO order_items (order_id, product_id, quantity, price)
    SELECT o.id, p.id, 1 + (o.id + k) % 4, p.price
    FROM orders AS o CROSS JOIN generate_series(0, 2) AS k JOIN products AS p ON p.id = 1 + (o.id * 11 + k * 17) % 80;
"""


class CannotSow(Exception):
    """The demo could not be made; the text says why."""


async def sow(state: State) -> dict[str, Any]:
    """Create the missing sample content; returns an Airflow connection to the server with the database.

    Raises ``CannotSow``.
    """
    try:
        await _create(state, SOURCE, "pg", "startup-4")
        await _create(state, METRICS, "thanos", "startup-4")
        await _create(state, GRAFANA, "grafana", "startup-4")
        source = state.services.get_as(SOURCE, "pg", PgService)
        await _integrate(state, "metrics", SOURCE, METRICS)
        await _integrate(state, "datasource", GRAFANA, METRICS)
        await _attach(state)
        if source.starting is not None:
            await asyncio.wait([source.starting])
        source.require_running()
        async with source.changing:
            names, _ = await source.databases_and_users()
            if DATABASE not in names:
                await source.add_database(DATABASE, {})
        await _fill(source)
    except ApiError as error:
        raise CannotSow(error.message) from error
    except psycopg.Error as error:
        raise CannotSow(f"database {DATABASE} of {SOURCE} was not filled: {error}") from error
    state.save()
    return {
        "conn_type": "postgres",
        "host": source.server.host,
        "port": source.server.port,
        "login": source.admin,
        "password": source.password(source.admin),
        "schema": DATABASE,
        "extra": {"sslmode": source.server.sslmode},
    }


async def _ask(state: State, operation: str, parameters: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = await HANDLERS[operation](state, Call(parameters=parameters, body=body))
    state.save()
    return answer


async def _create(state: State, name: str, type_name: str, plan: str) -> None:
    if name not in {each.name for each in state.services.all()}:
        await _ask(state, f"create-dbaas-service-{type_name}", {"name": name}, plan=plan)
    state.services.get_typed(name, type_name)


async def _integrate(state: State, kind: str, source: str, dest: str) -> None:
    if not any(
        (each.type.name, each.source.name, each.dest.name) == (kind, source, dest) for each in state.integrations.all()
    ):
        ends = {"source-service": source, "dest-service": dest}
        await _ask(state, "create-dbaas-integration", {}, **{"integration-type": kind}, **ends)


async def _attach(state: State) -> None:
    def found() -> list[str]:
        return [each.id for each in state.endpoints.all() if (each.type.name, each.name) == ("rsyslog", ENDPOINT)]

    if not found():
        await _ask(state, "create-dbaas-external-endpoint-rsyslog", {"name": ENDPOINT}, settings=_ENDPOINT_SETTINGS)
    (endpoint,) = found()
    if not any(each.endpoint.id == endpoint for each in state.endpoints.attached(state.services.get(SOURCE))):
        body = {"dest-endpoint-id": endpoint, "type": "rsyslog"}
        await _ask(state, "attach-dbaas-service-to-endpoint", {"source-service-name": SOURCE}, **body)


async def _fill(source: PgService) -> None:
    """Fill the database, all of it or nothing, unless there is something in it."""
    async with await source.target().admin.connect(DATABASE) as connection, connection.transaction():
        row = await (await connection.execute("SELECT to_regclass('customers') IS NULL")).fetchone()
        if row is not None and row[0]:
            await connection.execute(_TABLES)
