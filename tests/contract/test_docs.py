"""What the documentation says, held against the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
import types
import typing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from pydantic import TypeAdapter

from airflow_dbaas import endpoint_settings
from airflow_dbaas.api import Client, external_endpoints
from airflow_dbaas.api import operation as api_operation
from airflow_dbaas.api.answer import Answer
from airflow_dbaas.api.retries import Resend
from airflow_dbaas.emulator.handlers import HANDLERS
from airflow_dbaas.operators._base import DbaasOperator, DbaasTask
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.task_groups import fleet
from airflow_dbaas.task_groups.migrations import migrate_service
from airflow_dbaas.triggers.dbaas import DbaasSensorTrigger, DbaasWaitTrigger
from tests.contract import reachable, results
from tests.contract.operations import OPERATIONS, declared
from tests.unit.bad_input.kinds import GOOD

ROOT = Path(__file__).parents[2]
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text()
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "tests/**/*.md")
    for page in ROOT.glob(pattern)
}
CALLS, MODELS, ARCHITECTURE = (
    PAGES[f"docs/{name}.md"] for name in ("reference/calls", "reference/models", "architecture")
)
#: The pages of operators, sensors, triggers and task groups: one for each family.
FAMILIES = {
    name: text
    for name, text in PAGES.items()
    if re.fullmatch(r"docs/reference/(operators/[\w-]+|sensors|triggers|task-groups)\.md", name)
}

KINDS = {kind.__name__: (kind, arguments) for kind, arguments in GOOD.items()}
BASES = (DbaasTask, DbaasOperator, DbaasSensor)
ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"


def rows(text: str, columns: int) -> list[list[str]]:
    """The rows of the tables of so many columns whose first cell is a name; as plain text, without backticks."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("| `") else []
        if len(cells) == columns:
            found.append([cell.replace("`", "").strip() for cell in cells])
    return found


def sections(text: str) -> dict[str, str]:
    """What stands below each heading, up to the next one."""
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


PLACES = {operation.id: place for place, operation in Client("key", "secret", zone="ch-gva-2").every_operation()}
CALL_ROWS = {row[0]: row[1:] for row in rows(CALLS, 5)}
SECTIONS = {heading: text for page in FAMILIES.values() for heading, text in sections(page).items()}


# The calls of the API.


def test_every_operation_is_known_everywhere() -> None:
    """Each operation of the list has a method of the client, a handler of the emulator and one row in the docs."""
    documented = [row[0] for row in rows(CALLS, 5)]
    for operation in OPERATIONS:
        assert operation in PLACES, f"the client lacks {operation}"
        assert operation in HANDLERS, f"the emulator lacks {operation}"
        assert documented.count(operation) == 1, f"docs/reference/calls.md must have one row of {operation}"
    assert set(documented) == set(OPERATIONS)


def arguments(operation: str) -> tuple[list[str], list[str], list[str]]:
    """What a call needs, what it may take, and what it may take besides as properties of a body."""
    statement = declared(operation)
    needed, optional, properties = [], [], []
    for parameter in inspect.signature(statement).parameters.values():
        if parameter.kind is not parameter.VAR_KEYWORD:
            (needed if parameter.default is parameter.empty else optional).append(parameter.name)
            continue
        (body,) = typing.get_args(statement.hints()["fields"])
        required = {name.replace("-", "_") for name in TypeAdapter(body).json_schema().get("required", [])}
        needed += [name for name in body.__annotations__ if name in required]
        properties = [name for name in body.__annotations__ if name not in required]
    return needed, optional, properties


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_calls_row(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Method, arguments, model of the answer and whether the call is repeated are as the row says."""
    monkeypatch.setattr(api_operation, "encode", lambda *_: b"{}")
    method, model, _, repeated = CALL_ROWS[operation]
    needed, optional, properties = arguments(operation)

    shown = [*needed, *(f"{name}?" for name in optional)]
    if properties:
        shown.append("settings?" if properties == ["settings"] else "…")
    assert method == f"{PLACES[operation]}({', '.join(shown)})"

    def call(*names: str) -> Any:
        return declared(operation).call(**dict.fromkeys([*needed, *names], ID))

    assert call().answer.__name__ == model
    always = call().resend is Resend.ALWAYS
    turns = [name for name in [*optional, *properties] if (call(name).resend is Resend.ALWAYS) != always]
    words = {True: "not with", False: "only with"}[always]
    assert repeated == (f"{words} {' '.join(turns)}" if turns else "yes" if always else "no")


def test_properties_of_services() -> None:
    """The properties of each type of service are those that its creation and its change take."""
    heading = next(line for line in CALLS.splitlines() if line.startswith("| Property "))
    types = [cell.strip(" `") for cell in heading.strip("|").split("|")][1:]
    table = {row[0]: dict(zip(types, row[1:], strict=True)) for row in rows(CALLS, 1 + len(types))}
    for kind in types:
        create, update = ({*chain(*arguments(f"{verb}-dbaas-service-{kind}"))} for verb in ("create", "update"))
        shown = {name: cells[kind] for name, cells in table.items() if cells[kind] != "no"}
        assert update <= create
        assert shown == {name: "both" if name in update else "create" for name in create - {"name"}}


def test_who_uses_a_call() -> None:
    """The operators and sensors that a row names are those whose code makes the call."""
    made = {name: reachable.operations(kind) for name, (kind, _) in KINDS.items()}
    for operation, (_, _, users, _) in CALL_ROWS.items():
        callers = {name for name, calls in made.items() if operation in calls}
        if users == "all that wait":
            assert callers > {
                name for name, (kind, _) in KINDS.items() if DbaasOperator._wait in reachable.functions(kind)
            }
            continue
        shown = set() if users == "none" else set(users.split(", "))
        assert shown == callers, operation


# Operators, sensors, triggers, task groups.


def own_parameters(kind: type, *, without: tuple[type, ...] = ()) -> dict[str, inspect.Parameter]:
    """The parameters that classes of this package declare for an operator, sensor or trigger."""
    return {
        parameter.name: parameter
        for base in kind.__mro__
        if base.__module__.startswith("airflow_dbaas") and "__init__" in vars(base) and base not in without
        for parameter in inspect.signature(inspect.unwrap(vars(base)["__init__"])).parameters.values()
        if parameter.name not in {"self", "kwargs"} and not parameter.name.startswith("_")
    }


def default(parameter: inspect.Parameter) -> str:
    """A parameter's default as the tables show it: nothing if it must be given."""
    return "" if parameter.default is parameter.empty else repr(parameter.default).replace("'", '"')


def check_parameters(text: str, kind: Any, parameters: dict[str, inspect.Parameter]) -> None:
    """The table of a section has these parameters with their defaults, and says truly which are templated."""
    table = rows(text, 4)
    assert {row[0]: row[1] for row in table} == {name: default(each) for name, each in parameters.items()}
    # One is templated under another name, which the table tells.
    fields = {templated.partition("as ")[2] or name for name, _, templated, _ in table if templated != "no"}
    assert fields == set(kind.template_fields) & ({*parameters} | fields)
    assert {templated.partition(",")[0] for _, _, templated, _ in table} <= {"yes", "no"}


@pytest.mark.parametrize("name", KINDS)
def test_an_operators_section(name: str) -> None:
    """Every operator and sensor has a section with all its parameters, its result, and what becomes of it."""
    kind, _ = KINDS[name]
    check_parameters(SECTIONS[name], kind, own_parameters(kind, without=BASES))
    for word in ("On retry", "On kill", "Deferrable", "Link"):
        assert f"- **{word}**: " in SECTIONS[name]


@pytest.mark.parametrize("name", KINDS)
def test_an_operators_result(name: str) -> None:
    """The fields of its result are described once each; tests/soak holds them to what it returns."""
    fields = results.fields(SECTIONS[name])
    assert fields
    assert len(fields) == len(set(fields))


def test_each_is_on_one_page() -> None:
    """Each operator, sensor, trigger and task group has its section on one page only."""
    headings = [heading for page in FAMILIES.values() for heading in sections(page) if heading[0].isupper()]
    named = [heading for heading in headings if heading in KINDS or heading.endswith("Trigger")]
    assert sorted(named) == sorted(set(named))


def test_what_all_have_in_common() -> None:
    """The parameters that base classes declare are described once."""
    common = sections(PAGES["docs/reference/operators/index.md"])["What all have in common"]
    parameters = {name: each for base in BASES for name, each in own_parameters(base).items()}
    # Airflow's own setting, whatever it is here.
    shown = {row[0]: row[1] for row in rows(common, 4)} | {"deferrable": default(parameters["deferrable"])}
    assert shown == {name: default(each) for name, each in parameters.items()}
    assert {row[0] for row in rows(common, 4) if row[2] == "yes"} == set(DbaasTask.template_fields)


@pytest.mark.parametrize("name", KINDS)
def test_who_waits_and_where_links_lead(name: str) -> None:
    """Each section says truly whether the task can wait deferred, and where its links lead."""
    kind, good = KINDS[name]
    bullets = dict(re.findall(r"^- \*\*(.+?)\*\*: (.*(?:\n  .*)*)", SECTIONS[name], re.MULTILINE))
    assert {"On retry", "On kill", "Deferrable", "Link", "API operations"} <= set(bullets)
    waits = issubclass(kind, DbaasSensor) or DbaasOperator._wait in reachable.functions(kind)
    assert bullets["Deferrable"].startswith("yes" if waits else "it does not wait")
    task = kind(task_id="t", **good)
    links = {each.name for each in task.operator_extra_links if task.linked_service}
    named = bullets["Link"]
    assert ("migration" in named, "service" in named and "if it is named" not in named) == (
        "Exoscale migration" in links,
        "Exoscale service" in links,
    )


@pytest.mark.parametrize("name", KINDS)
def test_all_can_be_mapped(name: str) -> None:
    """Mapped over its first parameter, an operator or sensor becomes what it would be by itself."""
    kind, good = KINDS[name]
    first, *others = good.items() or [("zone", "at-vie-1")]
    with DAG("d", schedule=None):
        mapped = kind.partial(task_id="t", **dict(others)).expand(**{first[0]: [first[1]]})
    task = mapped.unmap(dict([first]))
    assert isinstance(task, kind)
    assert getattr(task, first[0]) == first[1]


@pytest.mark.parametrize("kind", [DbaasWaitTrigger, DbaasSensorTrigger])
def test_a_triggers_section(kind: type) -> None:
    """Every trigger has a section with all its parameters."""
    text = SECTIONS[kind.__name__]
    variable = {"fields"} if kind is DbaasSensorTrigger else set()
    assert {row[0] for row in rows(text, 2)} == {*own_parameters(kind)} | variable


def test_task_groups() -> None:
    """The task group, and what goes with it, has sections with all parameters."""
    for function in (migrate_service, fleet.migration_outcome, fleet.report_migrations):
        text = SECTIONS[function.__name__]
        parameters = inspect.signature(function).parameters
        assert {row[0]: row[1] for row in rows(text, 3)} == {name: default(each) for name, each in parameters.items()}
    assert fleet.keep_error.__name__ in SECTIONS
    turn = fleet.DbaasMigrationTurnSensor
    check_parameters(SECTIONS[turn.__name__], turn, own_parameters(turn))


# Models.


def type_shown(annotation: Any) -> str:
    """A field's type as the tables show it."""
    if typing.get_origin(annotation) is types.UnionType:
        (annotation,) = (each for each in typing.get_args(annotation) if each is not type(None))
    if typing.get_origin(annotation) is list:
        inner = type_shown(typing.get_args(annotation)[0])
        return f"list of {inner}" if inner[0].isupper() else f"list of {inner}s"
    if typing.get_origin(annotation) is dict:
        return "mapping"
    return {str: "text", int: "number", bool: "boolean"}.get(annotation) or str(annotation.__name__)


def models(base: type[Answer] = Answer) -> dict[str, type[Answer]]:
    """All models of answers, by name."""
    for subject in ("services", "migrations", "integrations", "external_endpoints", "accounts", "observability"):
        importlib.import_module(f"airflow_dbaas.api.{subject}")
    below = {name: model for kind in base.__subclasses__() for name, model in models(kind).items()}
    return below | ({} if base is Answer else {base.__name__: base})


def test_every_model_is_described() -> None:
    """Each model has a section, and no other has one."""
    found = set(re.findall(r"^### (\w+)$", MODELS, re.MULTILINE))
    assert found == {name for name, model in models().items() if model.__module__.startswith("airflow_dbaas.")}


@pytest.mark.parametrize("name", re.findall(r"^### (\w+)$", MODELS, re.MULTILINE))
def test_a_models_section(name: str) -> None:
    """The fields that a model has of itself, with their types; those of its base are in the base's section."""
    model = models()[name]
    model.model_rebuild()
    fields = {
        field: type_shown(model.model_fields[field].annotation)
        for field in model.__annotations__
        if field in model.model_fields
    }
    table = {row[0]: re.sub(r"\[(\w+)\]\(#\w+\)", r"\1", row[1]) for row in rows(sections(MODELS)[name], 3)}
    assert table == fields
    for base in model.__mro__[1 : model.__mro__.index(Answer)]:
        assert base.__name__ in SECTIONS_OF_MODELS


SECTIONS_OF_MODELS = sections(MODELS)


def test_every_returned_model_is_described() -> None:
    """The models that the table of calls names are on the page of models."""
    assert not {model for _, model, *_ in CALL_ROWS.values()} - set(SECTIONS_OF_MODELS)


def test_settings_of_endpoints() -> None:
    """The settings of each type of endpoint, which are required, and which are secret."""
    bodies = {"datadog": "Datadog", "elasticsearch": "Search", "opensearch": "Search"}
    bodies |= {"prometheus": "Prometheus", "rsyslog": "Rsyslog"}
    table = [
        line.strip("| ").split(" | ")
        for line in SECTIONS["Settings of endpoints"].splitlines()
        if line.startswith("| `")
    ]
    for kind, name in bodies.items():
        body = getattr(external_endpoints, f"New{name}Settings", None) or getattr(external_endpoints, f"{name}Settings")
        shown = {cells[1].strip("`"): cells for cells in table if f"`{kind}`" in cells[0]}
        hints = typing.get_type_hints(body, include_extras=True)
        assert set(shown) == set(hints)
        required = TypeAdapter(body).json_schema().get("required", [])
        required = {field.replace("-", "_") for field in required}
        assert {field for field, cells in shown.items() if cells[2] == "yes"} == required
        secret = set(hints) & set(endpoint_settings._PLACES)
        assert {field for field, cells in shown.items() if cells[3].startswith("secret")} == secret


# All pages.


def blocks() -> list[Any]:
    """The Python snippets of all pages."""
    return [
        pytest.param(code, id=f"{page}-{number}")
        for page, text in PAGES.items()
        for number, code in enumerate(re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    ]


@pytest.mark.parametrize("code", blocks())
def test_snippets(code: str) -> None:
    """A snippet compiles, and what it imports of this package and of Airflow is there; a DAG can be made."""
    compiled = compile(code, "snippet", "exec")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("airflow"):
            module = importlib.import_module(node.module)
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]
    if "with DAG(" in code:
        exec(compiled, {})


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings."""
    return {re.sub(r"[^\w\- ]", "", name).lower().replace(" ", "-") for name in sections(PAGES[page])}


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    """Links between pages, to files and to headings lead somewhere."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[page]):
        path, _, heading = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        if heading:
            assert heading in anchors(file.resolve().relative_to(ROOT).as_posix()), target


def test_the_readme_names_all_there_is() -> None:
    """The pages of operators and sensors, the example DAGs and the extras are all named on the first page."""
    dags = {file.stem for file in ROOT.glob("dags/*.py")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {f"{project['name']}[{extra}]" for extra in project["optional-dependencies"]}
    extras -= {"airflow-dbaas[bench]", "airflow-dbaas[dev]", "airflow-dbaas[fleet]"}
    pages = {page for page in PAGES if page.startswith("docs/reference/operators/")} | {"docs/reference/sensors.md"}
    assert not {name for name in {*pages, *dags, *extras} if name not in PAGES["README.md"]}


def entries(tree: str) -> set[str]:
    """The paths at the left of a tree of files: one or several in a line, before two spaces or the line's end."""
    found: list[str] = []
    folders: list[tuple[int, str]] = []
    for line in tree.splitlines():
        depth = len(line) - len(line.lstrip())
        folders = [folder for folder in folders if folder[0] < depth]
        named = re.match(r"[\w/.]+(?: · [\w/.]+)*(?=  |$)", line.lstrip())
        if not line.strip() or not named:
            continue
        above = "".join(name for _, name in folders)
        paths = named[0].split(" · ")
        found += [f"{above}{path}" for path in paths]
        if len(paths) == 1 and paths[0].endswith("/"):
            folders.append((depth, paths[0]))
    return set(found)


def test_the_architecture_has_the_tree() -> None:
    """The tree has every folder and module at the top of the package, and what it names exists."""
    tree = entries(re.findall(r"^```text\n(.*?)^```$", sections(ARCHITECTURE)["The tree"], re.DOTALL | re.MULTILINE)[0])
    missing = {path for path in tree if not (ROOT / path).exists()}
    assert not missing, missing
    package = ROOT / "airflow_dbaas"
    top = {
        path.name + ("/" if path.is_dir() else "")
        for path in package.iterdir()
        if path.name not in {"__init__.py", "__pycache__", "py.typed"}
    }
    shown = {path.removeprefix("airflow_dbaas/").partition("/") for path in tree if path != "airflow_dbaas/"}
    assert top <= {head + slash for head, slash, _ in shown}


def test_pages_named_in_the_code() -> None:
    """Every page that code, logs and errors name exists, and so does the heading behind a ``#``."""
    named = re.compile(r"(?:docs/)?((?:[\w-]+/)*[\w-]+\.md)\b(#[\w-]+)?")
    found = 0
    for folder in ("airflow_dbaas", "dags", "demo"):
        for file in (ROOT / folder).rglob("*.py"):
            for page, anchor in named.findall(file.read_text()):
                path = page if page in PAGES else f"docs/{page}"
                assert path in PAGES, f"{file}: {page}"
                assert not anchor or anchor[1:] in anchors(path), f"{file}: {page}{anchor}"
                found += 1
    assert found > 10
