"""A small JSON Schema validator that words its findings as Ajv does, which is what 8SELECT answers with.

Keywords: type, enum, required, properties, additionalProperties, items, minLength, pattern, contains,
uniqueItems, and Ajv's `discriminator`, by which a value's own `type` chooses one of several schemas. There is
no `$ref`: a schema holds others as Python does, and one with an `$id` starts a `schemaPath` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
Finding: TypeAlias = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
}


def findings(schema: Schema, value: Any, instance: str = "", path: str = "#") -> list[Finding]:
    """What is wrong with `value`, each as `{instancePath, schemaPath, keyword, params, message}`."""
    return list(_findings(schema, value, instance, path))


def _findings(schema: Schema, value: Any, instance: str, path: str) -> Iterator[Finding]:
    path = f"#/definitions/{schema['$id']}" if "$id" in schema else path

    def finding(keyword: str, message: str, **params: Any) -> Finding:
        return {
            "instancePath": instance,
            "schemaPath": f"{path}/{keyword}",
            "keyword": keyword,
            "params": params,
            "message": message,
        }

    kind = schema.get("type")
    if kind is not None and (not isinstance(value, _TYPES[kind]) or isinstance(value, bool)):
        yield finding("type", f"must be {kind}", type=kind)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield finding(
            "enum", "must be equal to one of the allowed values", allowedValues=list(schema["enum"])
        )
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield finding("minLength", "must NOT have fewer than 1 characters", limit=schema["minLength"])
        if "pattern" in schema and not re.search(schema["pattern"], value):
            pattern = schema["pattern"]
            yield finding("pattern", f'must match pattern "{pattern}"', pattern=pattern)
    if isinstance(value, list):
        if schema.get("uniqueItems") and any(one in value[:index] for index, one in enumerate(value)):
            yield finding("uniqueItems", "must NOT have duplicate items")
        if "contains" in schema and not any(not findings(schema["contains"], one) for one in value):
            yield finding("contains", "must contain at least 1 valid item(s)", minContains=1)
        for index, one in enumerate(value if "items" in schema else ()):
            yield from _findings(schema["items"], one, f"{instance}/{index}", f"{path}/items")
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield finding("required", f"must have required property '{name}'", missingProperty=name)
        properties = schema.get("properties", {})
        for name, one in value.items():
            if name in properties:
                yield from _findings(
                    properties[name],
                    one,
                    f"{instance}/{_escaped(name)}",
                    f"{path}/properties/{_escaped(name)}",
                )
            elif schema.get("additionalProperties") is False:
                yield finding(
                    "additionalProperties", "must NOT have additional properties", additionalProperty=name
                )
        if "discriminator" in schema:
            yield from _chosen(schema["discriminator"], value, instance, path)


def _chosen(
    choices: Mapping[str, Schema], value: Mapping[str, Any], instance: str, path: str
) -> Iterator[Finding]:
    tag = value.get("type")
    if isinstance(tag, str) and tag in choices:
        yield from _findings(choices[tag], value, instance, f"{path}/oneOf")
        return
    known = isinstance(tag, str)
    yield {
        "instancePath": instance,
        "schemaPath": f"{path}/discriminator",
        "keyword": "discriminator",
        "params": {"error": "mapping" if known else "tag", "tag": "type", "tagValue": tag},
        "message": 'value of tag "type" must be in oneOf' if known else 'tag "type" must be string',
    }


def _escaped(name: str) -> str:
    """A name as one part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
