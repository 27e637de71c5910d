"""What has changed in Exoscale's document, as far as this package uses it, in words.

``make api-diff`` runs it. A snapshot of the document lies beside this module: of the operations that the clients offer,
method, path, parameters, body and answers with all their schemas, without prose; of all others of DBaaS, the ids; and
the zones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from tests.contract.operations import OPERATIONS

Schema = dict[str, Any]

FOLDER = Path(__file__).parent
#: For people only: no change of them matters to a program.
PROSE = {"description", "title", "example", "externalDocs"}


def reduced(document: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The part of the document that a snapshot holds.

    :param document: an OpenAPI document of Exoscale's.
    :param version: the version of the package ``exoscale`` that it comes from.
    """
    found = {
        operation["operationId"]: (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("operationId") in OPERATIONS or "dbaas" in path
    }
    offered = {name: _operation(*found[name]) for name in OPERATIONS if name in found}
    schemas: dict[str, Schema] = {}
    _collect(offered, document["components"]["schemas"], schemas)
    server = document["servers"][0]
    return {
        "exoscale": version,
        "server": server["url"],
        "zones": sorted(server["variables"]["zone"]["enum"]),
        "operations": offered,
        "other-operations": sorted(set(found) - set(offered)),
        "schemas": schemas,
    }


def _operation(request: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """What one operation takes and gives, each part with its schema."""
    parts = {f"{each['in']}.{each['name']}": _plain(each["schema"]) for each in operation.get("parameters", [])}
    bodies = {"body": operation.get("requestBody", {})}
    for status, answer in operation["responses"].items():
        bodies["answer" if status == "200" else f"answer {status}"] = answer
    for name, body in bodies.items():
        for kind, content in body.get("content", {}).items():
            parts[name if kind == "application/json" else f"{name} ({kind})"] = _plain(content["schema"])
    return {"request": request, "parts": parts}


def _plain(schema: Any) -> Any:
    """A schema without prose, its lists of names in order."""
    if not isinstance(schema, dict):
        return schema
    plain = {keyword: value for keyword, value in schema.items() if keyword not in PROSE}
    for keyword in {"enum", "required"} & set(plain):
        plain[keyword] = sorted(plain[keyword], key=str)
    for keyword in {"items", "additionalProperties"} & set(plain):
        plain[keyword] = _plain(plain[keyword])
    if "properties" in plain:
        plain["properties"] = {name: _plain(each) for name, each in plain["properties"].items()}
    return plain


def _collect(value: Any, components: Mapping[str, Schema], into: dict[str, Schema]) -> None:
    """Put the schemas that a value refers to ``into`` a dictionary, and those that they refer to."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _collect(each, components, into)
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        name = value["$ref"].rpartition("/")[2]
        if name not in into:
            into[name] = _plain(components[name])
            _collect(into[name], components, into)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed between two snapshots, a line each; what several operations share is said once."""
    lines = [*_named("zone", old["zones"], new["zones"])]
    if old["server"] != new["server"]:
        lines.append(f"server: {old['server']} → {new['server']}")
    lines += _named("operation", old["operations"], new["operations"])
    lines += _named("operation not offered here", old["other-operations"], new["other-operations"])
    changes: dict[str, list[str]] = {}
    for name in sorted(set(old["operations"]) & set(new["operations"])):
        for change in _changes(old["operations"][name], new["operations"][name], old["schemas"], new["schemas"]):
            changes.setdefault(change, []).append(name)
    for change, names in changes.items():
        others = f" (also {', '.join(names[1:])})" if names[1:] else ""
        lines.append(f"{names[0]}: {change}{others}")
    return lines


def _named(what: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    for name in sorted({*old} ^ {*new}):
        yield f"{what}: {'added' if name in new else 'removed'}: {name}"


def _changes(old: Schema, new: Schema, old_schemas: Schema, new_schemas: Schema) -> Iterator[str]:
    """The changes of one operation."""
    if old["request"] != new["request"]:
        yield f"{old['request']} → {new['request']}"
    for part in sorted({*old["parts"], *new["parts"]}):
        before, after = (
            _resolved(side["parts"].get(part), schemas) for side, schemas in ((old, old_schemas), (new, new_schemas))
        )
        yield from _compared(before, after, part)


def _resolved(schema: Schema | None, schemas: Mapping[str, Schema], within: tuple[str, ...] = ()) -> Schema | None:
    """A schema with what it refers to in the place of references; one that holds itself stays a reference there."""
    if schema is None:
        return None
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return schema if name in within else _resolved(schemas[name], schemas, (*within, name))
    whole = dict(schema)
    for keyword in {"items", "additionalProperties"} & set(whole):
        if isinstance(whole[keyword], dict):
            whole[keyword] = _resolved(whole[keyword], schemas, within)
    if "properties" in whole:
        whole["properties"] = {name: _resolved(each, schemas, within) for name, each in whole["properties"].items()}
    return whole


def _compared(old: Schema | None, new: Schema | None, place: str) -> Iterator[str]:
    if old is None or new is None:
        if old != new:
            yield f"{place}: removed ({_kind(old)})" if old else f"{place}: added ({_kind(new)})"
        return
    for keyword in sorted({*old, *new} - {"properties", "items", "additionalProperties"}):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, list) or isinstance(after, list):
            gone, come = ({str(each) for each in side or []} for side in (before, after))
            signs = [f"-{each}" for each in sorted(gone - come)] + [f"+{each}" for each in sorted(come - gone)]
            if signs:
                yield f"{place}: {keyword}: {', '.join(signs)}"
        elif before != after:
            yield f"{place}: {keyword} {_value(before)} → {_value(after)}"
    for keyword, step in (("items", "[]"), ("additionalProperties", ".*")):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _compared(before, after, place + step)
        elif before != after:
            yield f"{place}: {keyword} {_value(before)} → {_value(after)}"
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted({*before, *after}):
        yield from _compared(before.get(name), after.get(name), f"{place}.{name}")


def _kind(schema: Schema | None) -> str:
    """A schema in a word, or a few."""
    kind = str((schema or {}).get("type", "anything"))
    if "enum" in (schema or {}):
        return f"{kind}: {', '.join(map(str, schema['enum']))}"
    names = (schema or {}).get("properties")
    return f"{kind} of {', '.join(sorted(names))}" if names else kind


def _value(value: Any) -> str:
    return "none" if value is None else _kind(value) if isinstance(value, dict) else str(value)


def packaged(package: Distribution) -> dict[str, Any]:
    """The snapshot of the package ``exoscale``, installed wherever."""
    document = json.loads(Path(str(package.locate_file("exoscale/openapi.json"))).read_text())
    return reduced(document, package.version)


def kept() -> Path:
    """The file of the snapshot."""
    (file,) = FOLDER.glob("exoscale-*.json")
    return file


def write(snapshot: Mapping[str, Any]) -> Path:
    """Write a snapshot, in the place of any other.

    :return: its file, named after its version.
    """
    for file in FOLDER.glob("exoscale-*.json"):
        file.unlink()
    file = FOLDER / f"exoscale-{snapshot['exoscale']}.json"
    file.write_text(_shown(snapshot) + "\n")
    return file


def _shown(value: Any, margin: str = "") -> str:
    """JSON with a line for each thing that can change, so that a commit shows what did."""
    short = json.dumps(value, sort_keys=True)
    if not isinstance(value, dict | list) or (len(short) <= 100 and not _nested(value)):
        return short
    inner = margin + " "
    if isinstance(value, list):
        lines, (begin, end) = [_shown(each, inner) for each in value], "[]"
    else:
        lines, (begin, end) = [f"{json.dumps(name)}: {_shown(value[name], inner)}" for name in sorted(value)], "{}"
    return f",\n{inner}".join(lines).join((f"{begin}\n{inner}", f"\n{margin}{end}"))


def _nested(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(each, dict) for each in value.values())


def main(arguments: list[str]) -> int:
    """Show what is different in another package.

    :return: 1 if anything is, and the snapshot was not written anew.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="where the package exoscale is installed")
    parser.add_argument("--update", action="store_true", help="make it the snapshot")
    options = parser.parse_args(arguments)
    (package,) = distributions(name="exoscale", path=[str(options.folder)])
    old, new = json.loads(kept().read_text()), packaged(package)
    lines = differences(old, new)
    found = {0: "no difference", 1: "1 difference"}.get(len(lines), f"{len(lines)} differences")
    print(f"exoscale {old['exoscale']} (snapshot) → {new['exoscale']}: {found}")
    for line in lines:
        print(f"- {line}")
    if options.update:
        print(f"written: {write(new).name}")
        return 0
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
