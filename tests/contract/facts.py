"""What the API does beyond its OpenAPI document, as far as this package relies on it, and how sure that is.

``tests/contract/test_facts.py`` sees that each fact has a test which names it (``@pytest.mark.fact``), and that
``docs/reference/facts.md`` says the same.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

#: ``read``: in Exoscale's own code or documents, or seen there in use. ``inferred``: from those, or from the service
#: that Exoscale builds on. ``guess``: nothing says so; every form that we could think of is provided for.
Basis = Literal["read", "inferred", "guess"]


class Fact(NamedTuple):
    """One statement about the API."""

    basis: Basis
    text: str


FACTS: dict[str, dict[str, Fact]] = {
    "Errors": {
        "error-message": Fact("read", "An error of the DBaaS API is JSON with one text, `message`."),
        "error-problem": Fact(
            "inferred", "Newer parts of the API send problems as in RFC 9457, whose `errors` are texts or objects."
        ),
        "error-other-forms": Fact(
            "inferred", "An error may also be a text or an object under `error`, plain text, a page of HTML, or empty."
        ),
        "error-403": Fact(
            "read", "A bad signature, a role that forbids the call and a product that is not enabled all give 403."
        ),
        "error-404": Fact("read", "What does not exist gives 404."),
        "error-unseen": Fact(
            "guess", "401, 412, 422 and 429 have not been seen with databases; they have their usual meaning."
        ),
        "error-passing": Fact("read", "429, 5xx except 501, and lost connections are transient."),
        "retry-after": Fact("inferred", "429 and 503 may have a `Retry-After`."),
        "answer-lost": Fact("inferred", "A request may have taken effect although its answer was lost or is a 5xx."),
        "double-refused": Fact(
            "guess",
            "A second creation of the same thing is refused: with 409, or with another 4xx such as 400 and the text "
            '"Service name is already taken".',
        ),
    },
    "Operations": {
        "operation-course": Fact(
            "guess", "The answer to a request is an operation that is pending, or has succeeded or failed at once."
        ),
        "operation-unknown-state": Fact("guess", "An operation may be in a state that the document does not list."),
        "operation-without-id": Fact("inferred", "An operation without an id leaves nothing to wait for."),
        "operation-appears": Fact("inferred", "Just after its creation, an operation or task may be unknown (404)."),
        "operation-reason": Fact("read", "A failed operation may name neither reason nor message."),
        "operation-is-not-readiness": Fact(
            "inferred", "Operations end almost at once; the service is `rebuilding` for minutes after that."
        ),
        "operation-polls": Fact(
            "read",
            "Exoscale's clients poll every 3 seconds at first and every 60 later, and tolerate failed polls.",
        ),
        "reference-endpoint": Fact("read", "The operation that creates an external endpoint refers to its id."),
        "reference-attachment": Fact("read", "The operation that attaches a service refers to the attachment's id."),
        "reference-integration": Fact(
            "guess", "The operation that creates an integration refers to its id, to something else, or to nothing."
        ),
        "reference-service": Fact(
            "inferred", "The operation that creates a service refers to its name, to a UUID, or to nothing."
        ),
        "reference-check": Fact(
            "guess", "The operation that starts a migration check refers to its task, by id or at the end of a link."
        ),
        "not-listed-at-once": Fact("guess", "New resources may be missing from lists for a moment."),
    },
    "Services": {
        "service-states": Fact("read", "A service is `running`, `rebuilding`, `rebalancing` or `poweroff`."),
        "service-version": Fact("read", "A version is returned with more digits than requested: 8.4 as 8.4.8."),
        "service-ip-filter": Fact("read", "A change of the IP filter replaces the whole filter."),
        "service-users": Fact("read", "Until a service is ready it shows no users and no databases."),
        "service-passwords": Fact("read", "Passwords of users are shown by the reveal calls only."),
        "service-runs-on": Fact("guess", "After a change, a service may be shown as running for some seconds."),
        "service-must-run": Fact("read", "A service that does not run refuses a change of plan."),
        "read-replica": Fact(
            "read", "A read replica is an integration of type `read_replica`; deleting that makes it independent."
        ),
    },
    "Migration status": {
        "migration-404": Fact("read", "Without a migration, its status is 404."),
        "migration-done-with-error": Fact(
            "read", "A migration whose source was down was shown as `done`, with an error, no method and no databases."
        ),
        "migration-top-status": Fact("inferred", "`done` at the top does not mean that every database is there."),
        "migration-details": Fact("inferred", "The list of databases may be missing, null or empty at any time."),
        "migration-mixed": Fact(
            "inferred", "Databases may be copied in different ways; the method at the top is empty then."
        ),
        "migration-methods": Fact(
            "inferred", "Methods are free text: dump, pg_dump, mysqldump, replication, scan, or empty."
        ),
        "migration-waiting": Fact("inferred", "A database may be `waiting`, a state that is not in the document."),
        "migration-recovers": Fact(
            "inferred", "A replication that is shown as failed may continue later, whatever it shows by then."
        ),
        "migration-stop-early": Fact("inferred", "A stop is refused in the first minutes, with an unknown status."),
        "migration-restart": Fact("read", "A migration cannot be changed: it must be stopped and started again."),
        "migration-lag": Fact("guess", "A database that replicates may show its lag."),
    },
    "Migration check": {
        "check-running": Fact("inferred", "A check has no verdict, or null, and an empty result while it runs."),
        "check-words": Fact("inferred", "Its verdict counts; the result is free text, or empty."),
        "check-codes": Fact("guess", "No result codes are known: only empty lists have been seen."),
    },
    "PostgreSQL migrations": {
        "pg-connection": Fact(
            "inferred", "A source that cannot be reached or logged in to is refused in the driver's words."
        ),
        "pg-same-server": Fact("inferred", "A source that is the target itself is refused."),
        "pg-versions": Fact("inferred", "A source newer than the target, or too old for its `pg_dump`, is refused."),
        "pg-size": Fact("inferred", "The source may not need more than the plan's disk, counted as 130 %."),
        "pg-languages": Fact("inferred", "Languages that the target lacks are refused."),
        "pg-extensions": Fact(
            "inferred", "So are extensions that it lacks or has in an older version, or that need a superuser there."
        ),
        "pg-left-out": Fact("inferred", "Templates and databases to be ignored are left out."),
        "pg-one-database": Fact(
            "inferred", "A single database that cannot be connected to fails alone, not in the check."
        ),
        "pg-fall-back": Fact(
            "inferred",
            "Replication is tried first. If privileges are missing, a dump is made, unless replication is requested.",
        ),
        "pg-replication-needs": Fact(
            "inferred", "Replication needs PostgreSQL 10, `wal_level` logical and free slots at the source."
        ),
        "pg-warnings": Fact("inferred", "Tables without a key and large objects only cause warnings."),
    },
    "MySQL migrations": {
        "mysql-uri": Fact(
            "inferred",
            "The source's address needs scheme, user, password of at most 32 bytes, host and port, and no odd options.",
        ),
        "mysql-connection": Fact(
            "inferred", "A source that cannot be reached, or lacks the requested TLS, is refused."
        ),
        "mysql-databases": Fact(
            "inferred", "Sources without databases, with more than 10,000, or with too much data are refused."
        ),
        "mysql-fall-back": Fact(
            "inferred",
            "Obstacles to replication lead to a dump, or to a refusal if replication is requested.",
        ),
        "mysql-replication-needs": Fact(
            "inferred",
            "Replication needs versions that fit, grants, GTIDs, InnoDB tables, two server ids, and rows in its log.",
        ),
        "mysql-dbname": Fact("inferred", "The database in the source's address does not matter: all are migrated."),
        "mysql-left-out": Fact("inferred", "System schemas and users are left out; definers are replaced."),
    },
    "Integrations": {
        "integration-types": Fact(
            "guess", "The possible links between types of services are requested from the API and never assumed."
        ),
        "integration-settings": Fact("read", "The settings of a type are served as a JSON schema."),
        "integration-both-ends": Fact("inferred", "An integration is listed with both of its services."),
        "integration-status": Fact(
            "inferred", "Its status is running, starting, inactive, failed, unknown, or something else, or absent."
        ),
        "integration-active": Fact(
            "inferred", "It works when `is-active`; older answers have only the status. `is-enabled` says it is wanted."
        ),
        "integration-recovers": Fact("guess", "It may be shown as failed or disabled while a service restarts."),
    },
    "External endpoints": {
        "endpoint-secrets": Fact("read", "Secret settings of an endpoint are never shown."),
        "endpoint-names": Fact("guess", "Two endpoints may have one name if their types differ."),
        "attachment-fields": Fact("read", "An attachment may lack its id, its status and the endpoint it leads to."),
    },
    "Logs": {
        "log-offset": Fact(
            "inferred", "An offset is the time of the last entry in nanoseconds; the next page is strictly behind it."
        ),
        "log-opaque-offset": Fact("guess", "An offset may also be another text, which is returned unchanged."),
        "log-end": Fact(
            "inferred", "At the end, the entries are null or empty, and the offset is unchanged, empty or null."
        ),
        "log-equal-times": Fact("inferred", "Entries with the same time may be split between pages."),
        "log-times": Fact("read", "Times are in UTC with up to six digits after the point, without zeros at the end."),
    },
    "Metrics": {
        "metrics-shape": Fact(
            "read", "A metric has columns (the time, then each node), rows, and a title; the unit is in the title only."
        ),
        "metrics-gaps": Fact("read", "A value may be null."),
        "metrics-young": Fact("read", "A new service has few metrics or none, in particular for long periods."),
    },
}


def known() -> dict[str, Fact]:
    """All facts by id, whatever they are about."""
    return {name: fact for facts in FACTS.values() for name, fact in facts.items()}
