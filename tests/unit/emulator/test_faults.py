"""The rules by which the emulator fails: what they strike, how often, and how a wrong one is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.faults import BadRules, Faults, Request, control, document
from airflow_dbaas.emulator.faults.kinds import KINDS, REASONS, WIRE
from airflow_dbaas.emulator.handlers import HANDLERS
from airflow_dbaas.emulator.openapi_validator import Law

LAW = Law.load()


@pytest.fixture
def faults() -> Faults:
    return Faults({name: LAW.operations[name] for name in HANDLERS})


def request(operation: str | None = "list-dbaas-services", *names: str, method: str | None = None) -> Request:
    found = LAW.operations[operation] if operation else None
    return Request(found, method or (found.method if found else "GET"), names)


def struck(faults: Faults, count: int, *args: Any) -> str:
    """Which of so many equal requests are struck, as a row of 1 and 0."""
    return "".join("1" if faults.draw(KINDS, request(*args)) else "0" for _ in range(count))


def counts(faults: Faults) -> list[tuple[int, int]]:
    return [(rule["matched"], rule["fired"]) for rule in faults.view()["rules"]]


def test_a_rule_strikes_once_unless_it_says_more(faults):
    """Without a number it is the next request; with one, the next ones; with a probability, any number."""
    faults.replace({"rules": [{"kind": "reset"}]})
    assert struck(faults, 4) == "1000"
    faults.replace({"rules": [{"kind": "reset", "times": 2, "after": 1}]})
    assert struck(faults, 5) == "01100"
    assert counts(faults) == [(3, 2)]
    faults.replace({"rules": [{"kind": "reset", "probability": 1}]})
    assert struck(faults, 3) == "111"
    faults.replace({"rules": [{"kind": "reset", "probability": 0}]})
    assert struck(faults, 3) == "000"
    faults.clear()
    assert faults.view()["rules"] == []


def test_chance_is_repeatable_by_its_seed(faults):
    """The same seed strikes the same requests, another one others; a cap ends it; the share is about right."""
    seen = []
    for seed in (1, 1, 2):
        faults.replace({"seed": seed, "rules": [{"kind": "status", "probability": 0.2}]})
        seen.append(struck(faults, 1000))
    assert seen[0] == seen[1] != seen[2]
    assert 150 < seen[0].count("1") < 250
    faults.replace({"rules": [{"kind": "status", "probability": 0.5, "times": 3}]})
    assert struck(faults, 1000).count("1") == 3


def test_a_rule_is_not_disturbed_by_others(faults):
    """What one rule draws does not depend on requests that only another one matches."""
    mine = {"kind": "reset", "probability": 0.3, "operation": "list-dbaas-services"}
    faults.replace({"rules": [mine]})
    alone = struck(faults, 50)
    faults.replace({"rules": [mine, {"kind": "empty", "probability": 0.5, "operation": "get-operation"}]})
    mixed = []
    for _ in range(50):
        mixed.append(struck(faults, 1))
        struck(faults, 1, "get-operation")
    assert "".join(mixed) == alone


def test_rules_match_operation_method_and_name(faults):
    """All that a rule names has to be so; the first rule that fires is the one."""
    faults.replace({"rules": [{"kind": "reset", "operation": "delete-dbaas-service", "name": "a", "times": 9}]})
    assert struck(faults, 1, "delete-dbaas-service", "a") == "1"
    assert struck(faults, 1, "delete-dbaas-service", "b") == "0"
    assert struck(faults, 1, "get-dbaas-migration-status", "a") == "0"
    faults.replace({"rules": [{"kind": "reset", "method": "POST", "times": 9}]})
    assert struck(faults, 1, "create-dbaas-integration") == "1"
    assert struck(faults, 1, "list-dbaas-services") == "0"
    faults.replace({"rules": [{"kind": "empty"}, {"kind": "reset"}]})
    rules = [faults.draw(WIRE, request(None)) for _ in range(3)]
    assert [rule and rule.kind for rule in rules] == ["empty", "reset", None]


def test_kinds_strike_only_what_they_are_about(faults):
    """A rule for all operations spares those that its kind has nothing to do with."""
    for kind, good, bad in [
        ("operation-fails", "delete-dbaas-service", "get-operation"),
        ("operation-never-ends", "create-dbaas-task-migration-check", "get-dbaas-task"),
        ("task-fails", "create-dbaas-task-migration-check", "delete-dbaas-service"),
        ("service-gone", "get-dbaas-service-pg", "get-dbaas-service-logs"),
        ("integration-inactive", "get-dbaas-external-integration", "list-dbaas-external-endpoints"),
        ("migration-gone", "get-dbaas-migration-status", "get-dbaas-service-pg"),
    ]:
        faults.replace({"rules": [{"kind": kind, "times": 9}]})
        assert struck(faults, 1, good) == "1", kind
        assert struck(faults, 1, bad) == "0", kind
        with pytest.raises(BadRules, match=f"rule 1 \\({kind}\\): cannot apply to {bad}$"):
            faults.replace({"rules": [{"kind": kind, "operation": bad}]})


def test_the_reasons_are_those_of_the_document():
    """An operation can fail for each reason that the API knows, and for no other."""
    document = LAW.operations["get-operation"].definition
    assert document["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/operation")
    source = json.dumps(LAW._document["components"]["schemas"]["operation"]["properties"]["reason"]["enum"])
    assert sorted(json.loads(source)) == list(REASONS)


BAD = [
    ([], "faults must be an object with 'rules'"),
    ({"rules": [], "sed": 1}, "faults must be an object with 'rules'"),
    ({"seed": 1}, "rules must be a list"),
    ({"seed": "1", "rules": []}, "seed must be a whole number, got '1'"),
    ({"rules": ["reset"]}, "rule 1: must be an object, got 'reset'"),
    ({"rules": [{"kind": "reset"}, {"kind": "resett"}]}, "rule 2: unknown kind 'resett', known: status, reset"),
    ({"rules": [{}]}, "rule 1: unknown kind None"),
    ({"rules": [{"kind": ["reset"]}]}, r"rule 1: unknown kind \['reset'\]"),
    ({"rules": [{"kind": "reset", "time": 2}]}, r"rule 1 \(reset\): unknown keys time, known: operation, method"),
    ({"rules": [{"kind": "truncated", "seconds": 2}]}, r"rule 1 \(truncated\): unknown keys seconds"),
    ({"rules": [{"kind": "reset", "operation": "list-zones"}]}, "unknown operation 'list-zones'"),
    ({"rules": [{"kind": "reset", "operation": None}]}, "unknown operation None"),
    ({"rules": [{"kind": "reset", "method": "get"}]}, "method must be one of GET, POST, PUT, DELETE, got 'get'"),
    ({"rules": [{"kind": "reset", "name": 5}]}, "name must be a text, got 5"),
    ({"rules": [{"kind": "reset", "probability": 1.5}]}, "probability must be a number from 0 to 1, got 1.5"),
    ({"rules": [{"kind": "reset", "probability": -0.1}]}, "probability must be a number from 0 to 1, got -0.1"),
    ({"rules": [{"kind": "reset", "probability": float("nan")}]}, "probability must be a number from 0 to 1, got nan"),
    ({"rules": [{"kind": "reset", "probability": True}]}, "probability must be a number from 0 to 1, got True"),
    ({"rules": [{"kind": "reset", "times": 0}]}, "times must be a whole number, 1 or more, got 0"),
    ({"rules": [{"kind": "reset", "times": None}]}, "times must be a whole number, 1 or more, got None"),
    ({"rules": [{"kind": "reset", "after": -1}]}, "after must be a whole number, 0 or more, got -1"),
    ({"rules": [{"kind": "reset", "processed": "yes"}]}, "processed must be true or false, got 'yes'"),
    ({"rules": [{"kind": "status", "status": 200}]}, "status must be a whole number from 400 to 599, got 200"),
    ({"rules": [{"kind": "status", "status": 500.0}]}, "status must be a whole number from 400 to 599, got 500.0"),
    ({"rules": [{"kind": "status", "retry-after": -1}]}, "retry-after must be a number of seconds from 0 to 3600"),
    ({"rules": [{"kind": "status", "retry-after-as": "epoch"}]}, "retry-after-as must be one of seconds, date"),
    ({"rules": [{"kind": "slow-body", "seconds": float("inf")}]}, "seconds must be a number of seconds from 0 to 3600"),
    ({"rules": [{"kind": "redirect", "location": "/a\r\nb: c"}]}, "location must be a text of printable ASCII"),
    ({"rules": [{"kind": "operation-fails", "reason": "bad"}]}, "reason must be one of busy, conflict, fault"),
    ({"rules": [{"kind": "operation-fails", "state": "success"}]}, "state must be one of failure, timeout"),
]


@pytest.mark.parametrize(("rules", "text"), BAD, ids=[text for _, text in BAD])
def test_wrong_rules_are_refused(faults, rules, text):
    """The text names the rule, what is wrong with it, and what would be right; what was in force stays so."""
    faults.replace({"rules": [{"kind": "empty"}]})
    with pytest.raises(BadRules, match=text):
        faults.replace(rules)
    assert [rule["kind"] for rule in faults.view()["rules"]] == ["empty"]


def test_every_kind_can_be_used_as_it_is(faults):
    """No option is needed; what a rule leaves out is filled in and shown."""
    faults.replace({"rules": [{"kind": kind} for kind in KINDS]})
    shown = faults.view()["rules"]
    assert [rule["kind"] for rule in shown] == list(KINDS)
    assert shown[0] == {
        "kind": "status",
        "operation": "*",
        "times": 1,
        "probability": 1.0,
        "after": 0,
        "status": 503,
        "retry-after-as": "seconds",
        "processed": False,
        "matched": 0,
        "fired": 0,
    }


def test_what_the_control_address_refuses(faults):
    """Other methods, and bodies that are no rules."""
    for method, body, status in [("POST", b"{}", 405), ("PUT", b"", 400), ("PUT", b"\xff", 400), ("PUT", b"[]", 400)]:
        with pytest.raises(ApiError) as refused:
            control.answer(faults, method, body)
        assert refused.value.status == status


def test_rules_come_from_files_and_texts(tmp_path: Path):
    """YAML, JSON, and JSON on the command line itself; what cannot be read is said with its line."""
    rules = {"seed": 3, "rules": [{"kind": "reset"}]}
    (tmp_path / "faults.yaml").write_text("seed: 3\nrules:\n- kind: reset\n")
    (tmp_path / "faults.json").write_text(json.dumps(rules))
    for given in (str(tmp_path / "faults.yaml"), str(tmp_path / "faults.json"), json.dumps(rules)):
        assert document.read(given) == rules
    (tmp_path / "bad.yaml").write_text("seed: 3\nrules: [\n")
    for given, text in [
        (str(tmp_path / "bad.yaml"), "bad.yaml is not YAML or JSON: see line 3"),
        (str(tmp_path / "missing.yaml"), "missing.yaml cannot be read: .*No such file"),
        (str(tmp_path), "cannot be read"),
        ('{"rules": [', "it is not YAML or JSON: see line 1"),
    ]:
        with pytest.raises(BadRules, match=text):
            document.read(given)


PAGE = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text()


def test_the_documentation_names_all_kinds():
    """Each kind has one row, with its options and what they are by default; so has each thing that every rule says."""
    cells = [line.strip("|").split(" | ") for line in PAGE.splitlines() if re.match(r"\| `[a-z-]+` ", line)]
    rows = {row[0].strip(" `"): row[-1] for row in cells}
    assert set(KINDS) | {"kind", "operation", "method", "name", "times", "probability", "after"} == set(rows)
    for kind, found in KINDS.items():
        named = set(re.findall(r"`([a-z-]+)`", rows[kind]))
        assert set(found.options) <= named, kind
        for name, option in found.options.items():
            if isinstance(option.default, int | float) and not isinstance(option.default, bool):
                assert f"({option.default:g})" in rows[kind], name


def test_the_example_of_the_documentation_can_be_followed(faults, tmp_path):
    """It is read as it stands there."""
    (tmp_path / "faults.yaml").write_text(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    faults.replace(document.read(str(tmp_path / "faults.yaml")))
    assert [rule["kind"] for rule in faults.view()["rules"]] == ["status", "reset", "migration-gone"]
    faults.replace(document.read(re.findall(r"--faults '(.*?)'", PAGE)[0]))
