#!/usr/bin/env python3
"""What openapi_check.py and schema_check.py find, and what they let pass."""

import json
import pathlib
import unittest

from openapi_check import Description, check
from schema_check import Schema

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


class SchemaCheck(unittest.TestCase):
    schema = Schema(pathlib.Path(__file__).with_name("schema.json"))
    key = {"id": 7, "name": "k", "fingerprint": "x", "public_key": "y", "labels": {"a": "b"},
           "created": "2026-01-01T00:00:00Z"}

    def problems(self, status, body, method="GET", target="/v1/ssh_keys/7?x=1"):
        return self.schema.problems(method, target, status, body if isinstance(body, str) else json.dumps(body))

    def test_takes_what_is_in_the_schema(self):
        self.assertEqual(self.problems(200, {"ssh_key": self.key}), [])
        self.assertEqual(self.problems(204, "", "DELETE"), [])
        self.assertEqual(self.problems(404, {"error": {"code": "x", "message": "y", "details": None}}), [])
        action = {"id": 1, "command": "x", "status": "running", "progress": 0, "started": "2026-01-01T00:00:00Z",
                  "finished": None, "resources": [{"id": 1, "type": "server"}], "error": None}
        self.assertEqual(self.problems(201, {"action": action}, "POST", "/v1/servers/1/actions/reboot"), [])

    def test_finds_what_is_not(self):
        subject = "GET /ssh_keys/{id} 200"
        for change, problem in (({"more": 1}, ".more is not known"), ({"id": 0}, ".id is 0, not id"),
                                ({"id": True}, ".id is True, not id"), ({"name": None}, ".name is None, not text"),
                                ({"created": "today"}, ".created is 'today', not time"),
                                ({"labels": {"a": 1}}, ".labels.* is 1, not text"),
                                ({"labels": []}, ".labels is [], not an object")):
            self.assertEqual(self.problems(200, {"ssh_key": self.key | change}), [f"{subject}: .ssh_key{problem}"])
        self.assertEqual(self.problems(200, "<html>"), [f"{subject} is no JSON: <html>"])
        self.assertEqual(self.problems(200, {}), [f"{subject}: .ssh_key is not there"])
        self.assertEqual(self.problems(201, {}), ["GET /ssh_keys/{id} 201 is not in the schema"])
        self.assertEqual(self.problems(204, "{}", "DELETE"), ["DELETE /ssh_keys/{id} 204 has a body"])
        self.assertEqual(self.problems(404, {"error": {"code": "x", "message": "y"}}),
                         ["GET /ssh_keys/{id} 404: .error.details is not there"])
        listing = {"meta": {"pagination": 1}, "images": 1}
        self.assertEqual(self.problems(200, listing, target="/v1/images"),
                         ["GET /images 200: .images is 1, not an array",
                          "GET /images 200: .meta.pagination is 1, not an object"])


if __name__ == "__main__":
    unittest.main()
