"""Faults of config.yaml in plain words: the key's path, its value, what is allowed, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

Schema = Mapping[str, Any]


def explain(error: ValidationError, config: Mapping[str, Any], schema: Schema) -> str:
    """Give one line for each fault of `config` that pydantic found; `schema` tells what is allowed where."""
    # A list whose only item is wrong is reported as too short as well, which says nothing more.
    said = {fault["loc"] for fault in error.errors() if fault["type"] != "too_short"}
    return "\n".join(
        _explain(dict(fault), config, schema)
        for fault in error.errors()
        if fault["type"] != "too_short" or not any(loc[: len(fault["loc"])] == fault["loc"] for loc in said)
    )


def _explain(fault: Mapping[str, Any], config: Mapping[str, Any], schema: Schema) -> str:
    keys, value = _locate(fault["loc"], config)
    path = _path(keys)
    match fault["type"]:
        case "extra_forbidden":
            allowed = sorted(_node(keys[:-1], config, schema).get("properties", {}))
            close = difflib.get_close_matches(str(keys[-1]), allowed, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            return f"{path} = {_short(value)}: unknown key. Allowed here: {', '.join(allowed)}.{hint}"
        case "missing":
            missing = fault["loc"][-1]
            meaning = _node([*keys, missing], config, schema).get("description", "")
            return f"{_path([*keys, missing])}: missing. {meaning}".rstrip()
        case "union_tag_invalid":
            return f"{path}.kind = {_short(value['kind'])}: expected one of {fault['ctx']['expected_tags']}."
        case "union_tag_not_found":
            kinds = _node(keys, config, schema)["discriminator"]["mapping"]
            return f"{path}.kind: missing. Expected one of {', '.join(sorted(kinds))}."
        case "too_short":
            return f"{path} = {_short(value)}: empty. Give at least one."
        case "string_pattern_mismatch" if fault["loc"][-1] == "[key]":
            return f"{path}: {keys[-1]!r} won't do as a name. Use lower-case words and digits, joined by hyphens."
        case _ if fault["loc"] and fault["loc"][-1] == "[key]":
            return f"{_path(keys[:-1])}: the key {keys[-1]!r} won't do. {_sentence(fault['msg'])}"
        case _:
            return f"{path} = {_short(value)}: {_sentence(fault['msg'])}"


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".") + "."


def _short(value: Any, width: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _path(keys: Iterable[str | int]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".") or "config"


def _locate(location: Sequence[str | int], config: Any) -> tuple[list[str | int], Any]:
    """Follow a location as far as the config goes.

    A location also names the chosen member of a union, which is no key of the file: such steps are left out.
    """
    keys: list[str | int] = []
    value = config
    for step in location:
        if _has(value, step):
            value = value[step]
            keys.append(step)
    return keys, value


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)


def _node(keys: Sequence[str | int], config: Any, schema: Schema) -> Schema:
    """Find the part of the JSON Schema that speaks of the value at `keys`."""
    node, value = _resolved(schema, config, schema), config
    for key in keys:
        child = node.get("items") if isinstance(key, int) else node.get("properties", {}).get(key)
        child = child or node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), {})
        value = value[key] if _has(value, key) else None
        node = _resolved(child if isinstance(child, Mapping) else {}, value, schema)
    return node


def _resolved(node: Schema, value: Any, schema: Schema) -> Schema:
    """Follow references, the member of a union that `value` names, and the non-null member of an optional."""
    if "$ref" in node:
        target: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved({**target, **{key: text for key, text in node.items() if key != "$ref"}}, value, schema)
    if "discriminator" in node and isinstance(value, Mapping):
        reference = node["discriminator"]["mapping"].get(value.get("kind"))
        return _resolved({"$ref": reference}, value, schema) if reference else node
    for member in node.get("anyOf", ()):
        if member.get("type") != "null":
            return _resolved(member, value, schema)
    return node
