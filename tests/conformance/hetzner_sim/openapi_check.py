#!/usr/bin/env python3
"""Compares recorded answers of the simulator with an OpenAPI description of the Hetzner Cloud API.

    RGRID_RECORD_ANSWERS=answers.jsonl build/default/tests/test_conformance_hetzner_sim
    tests/conformance/hetzner_sim/openapi_check.py hcloud-openapi.json answers.jsonl

The project ships no such description, only its own schema.json; this is for looking for mistakes in that one and in the
simulator. `CHANGES` is what the API has changed since early 2026, of when the descriptions that go around are.
"""

import json
import re
import sys
from collections import Counter
from datetime import datetime

# Where an answer may differ: by the end of a problem's path, and a part of its text.
CHANGES = [
    (r"\.datacenter$", "is missing"),
    (r"\.locations\[\]\.(available|recommended)$", "is not described"),
    (r"\.assignee_type$", "'unassigned'"),
    (r"\.deprecation$", "is not described"),  # Of images.
    (r"\.error\.details$", "is not described"),
    (r"^GET /v1/actions 200: \.meta$", "is not described"),  # There is as little harm in it as in a listing without it.
]


class Description:
    def __init__(self, document):
        self.document = document
        self.paths = [(self.pattern(path), path, operations) for path, operations in document["paths"].items()]

    @staticmethod
    def pattern(path):
        return re.compile("^" + re.sub(r"\\{[^}]*\\}", r"([0-9]+)", re.escape(path)) + "$")

    def resolve(self, schema):
        while "$ref" in schema:
            target = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema

    def answer(self, method, target, status):
        """The schema of an answer; None if it has no body; KeyError if it is not described."""
        path = re.sub(r"^/v[0-9]+", "", target.split("?")[0])
        for pattern, _, operations in self.paths:
            if pattern.match(path) and method.lower() in operations:
                responses = operations[method.lower()]["responses"]
                response = self.resolve(responses.get(str(status)) or responses[f"{status // 100}xx"])
                return next((content["schema"] for content in response.get("content", {}).values()), None)
        raise KeyError(f"{method} {path}")

    def problems(self, schema, value, path):
        schema = self.resolve(schema)
        if value is None:
            nullable = schema.get("nullable") or not schema.keys() & {"type", "allOf", "properties", "enum"}
            if not nullable:
                yield path, "is null"
            return
        for part in schema.get("allOf", []):
            yield from self.problems(part, value, path)
        if schema.get("oneOf") and all(list(self.problems(one, value, path)) for one in schema["oneOf"]):
            yield path, f"is none of the kinds: {value!r}"
        if "enum" in schema and value not in schema["enum"]:
            yield path, f"is {value!r}, not one of {schema['enum']}"
        if "maximum" in schema and isinstance(value, (int, float)) and value > schema["maximum"]:
            yield path, f"is {value!r}, more than {schema['maximum']}"
        if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
            yield path, f"is {value!r}, not as {schema['pattern']}"
        yield from self.of_type(schema, value, path)

    def of_type(self, schema, value, path):
        kind = schema.get("type")
        kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "integer": int, "number": (int, float)}
        if kind and (not isinstance(value, kinds[kind]) or (kind in ("integer", "number") and isinstance(value, bool))):
            yield path, f"is {value!r}, not of type {kind}"
        elif kind == "string" and schema.get("format") == "date-time" and not is_time(value):
            yield path, f"is {value!r}, no time"
        elif kind == "array":
            for item in value:
                yield from self.problems(schema.get("items", {}), item, path + "[]")
        elif kind == "object":
            yield from self.members(schema, value, path)

    def members(self, schema, value, path):
        described = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{path}.{name}", "is missing"
        for name, member in value.items():
            if name in described:
                yield from self.problems(described[name], member, f"{path}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from self.problems(schema["additionalProperties"], member, f"{path}.*")
            elif described:
                yield f"{path}.{name}", "is not described"


def is_time(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False


def is_change(path, text):
    return any(re.search(pattern, path) and part in text for pattern, part in CHANGES)


def check(description, line):
    answer = json.loads(line)
    path = re.sub(r"/[0-9]+", "/{id}", answer["target"].split("?")[0])
    subject = f"{answer['method']} {path} {answer['status']}: "
    try:
        schema = description.answer(answer["method"], answer["target"], answer["status"])
    except KeyError:
        return [] if answer["status"] >= 400 else [(subject, "is not described")]
    if schema is None:
        return [(subject, "has a body")] if answer["body"] else []
    try:
        body = json.loads(answer["body"])
    except json.JSONDecodeError:
        return [(subject, "is no JSON")]
    found = description.problems(schema, body, subject)
    return [(path, text) for path, text in found if not is_change(path, text)]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        description = Description(json.load(file))
    problems, answers = Counter(), 0
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            answers += 1
            problems.update(check(description, line))
    for (path, text), count in sorted(problems.items()):
        print(f"{path} {text} ({count} times)")
    print(f"{answers} answers, {len(problems)} kinds of problems")
    sys.exit(1 if problems or not answers else 0)


if __name__ == "__main__":
    main()
