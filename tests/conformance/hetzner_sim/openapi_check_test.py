#!/usr/bin/env python3
"""What openapi_check.py finds, and what it lets pass."""

import json
import unittest

from openapi_check import Description, check

ANSWER = {
    "type": "object",
    "required": ["key"],
    "properties": {"key": {"$ref": "#/components/schemas/key"}},
}
KEY = {
    "type": "object",
    "required": ["id", "created", "datacenter"],
    "properties": {
        "id": {"type": "integer", "maximum": 10},
        "created": {"type": "string", "format": "date-time"},
        "kind": {"type": "string", "enum": ["a", "b"], "nullable": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[a-z]*$"}},
        "datacenter": {"type": "string"},
    },
}
ERROR = {"type": "object", "properties": {"error": {"type": "object", "properties": {"code": {"type": "string"}}}}}


def content(schema):
    return {"content": {"application/json": {"schema": schema}}}


DESCRIPTION = Description(
    {
        "paths": {
            "/keys/{id}": {
                "get": {"responses": {"200": content(ANSWER), "4xx": content(ERROR)}},
                "delete": {"responses": {"204": {"description": "gone"}}},
            }
        },
        "components": {"schemas": {"key": KEY}},
    }
)


def problems(status, body, method="GET", target="/v1/keys/7?x=1"):
    line = json.dumps({"method": method, "target": target, "status": status, "body": body})
    return [f"{path} {text}" for path, text in check(DESCRIPTION, line)]


def key(**members):
    return json.dumps({"key": {"id": 7, "created": "2026-01-01T00:00:00Z", **members}})


class OpenApiCheck(unittest.TestCase):
    def test_takes_what_is_described(self):
        self.assertEqual(problems(200, key(kind=None, labels={"a": "b"}, datacenter="x")), [])
        self.assertEqual(problems(204, "", "DELETE"), [])
        self.assertEqual(problems(404, '{"error": {"code": "not_found"}}'), [])

    def test_lets_known_changes_pass(self):
        self.assertEqual(problems(200, key()), [])

    def test_finds_what_is_not_described(self):
        subject = "GET /v1/keys/{id} 200: "
        for body, problem in {
            "<html>": subject + " is no JSON",
            "{}": subject + ".key is missing",
            key(more=1): subject + ".key.more is not described",
            key(id=11): subject + ".key.id is 11, more than 10",
            key(id="7"): subject + ".key.id is '7', not of type integer",
            key(created="today"): subject + ".key.created is 'today', no time",
            key(kind="c"): subject + ".key.kind is 'c', not one of ['a', 'b']",
            key(labels={"a": "B"}): subject + ".key.labels.* is 'B', not as ^[a-z]*$",
            key(labels=None): subject + ".key.labels is null",
        }.items():
            self.assertEqual(problems(200, body), [problem])
        self.assertEqual(problems(200, "{}", target="/v1/other"), ["GET /v1/other 200:  is not described"])
        self.assertEqual(problems(204, "{}", "DELETE"), ["DELETE /v1/keys/{id} 204:  has a body"])


if __name__ == "__main__":
    unittest.main()
