"""Compares answers of the simulator with schema.json, whose types it explains itself, as schema.cpp does."""

import json
import re
from datetime import datetime

NUMBER = (int, float)


def is_time(value):
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


WORDS = {
    "any": lambda value: True,
    "null": lambda value: value is None,
    "bool": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, NUMBER) and not isinstance(value, bool),
    "int": is_int,
    "id": lambda value: is_int(value) and 0 < value < 2**53,
    "text": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str) and is_time(value),
    "decimal": lambda value: isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value) is not None,
}


def is_path(path, pattern):
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        part.isdigit() if want == "{id}" else not part.isdigit() if want.startswith("{") else part == want
        for part, want in zip(parts, wanted))


class Schema:
    def __init__(self, path):
        read = json.loads(path.read_text())
        self.objects = read["objects"]
        self.answers = [(*key.split(), kind) for key, kind in read["answers"].items()]

    def problems(self, method, target, status, body):
        """What about an answer is not as it should be: a text each."""
        path = "/" + target.split("?")[0].strip("/").partition("/")[2]
        subject = f"{method} {re.sub('/[0-9]+', '/{id}', path)} {status}"
        kinds = [kind for of_method, pattern, of_status, kind in self.answers
                 if (of_method, of_status) == (method, str(status)) and is_path(path, pattern)]
        if status >= 400:
            kinds = ["error"]
        if not kinds:
            return [f"{subject} is not in the schema"]
        if kinds[0] is None:
            return [f"{subject} has a body"] if body else []
        try:
            return list(self.of_kind(kinds[0], json.loads(body), subject + ": "))
        except json.JSONDecodeError:
            return [f"{subject} is no JSON: {body[:100]}"]

    def of_kind(self, kind, value, path):
        if isinstance(kind, str):
            yield from self.of_word(kind, value, path)
        elif isinstance(kind, list):
            if not isinstance(value, list):
                yield f"{path} is {value!r}, not an array"
                return
            for item in value:
                yield from self.of_kind(kind[0], item, path + "[]")
        elif not isinstance(value, dict):
            yield f"{path} is {value!r}, not an object"
        elif "*" in kind:
            for item in value.values():
                yield from self.of_kind(kind["*"], item, path + ".*")
        else:
            yield from self.members(kind, value, path)

    def of_word(self, word, value, path):
        if word.endswith("?"):
            if value is None:
                return
            word = word[:-1]
        if word in self.objects:
            yield from self.of_kind(self.objects[word], value, path)
        elif not (value in word[1:].split("|") if word.startswith("=") else WORDS[word](value)):
            yield f"{path} is {value!r}, not {word}"

    def members(self, kind, value, path):
        for name, of_member in kind.items():
            if name.removesuffix("?") in value:
                yield from self.of_kind(of_member, value[name.removesuffix("?")], f"{path}.{name.removesuffix('?')}")
            elif not name.endswith("?"):
                yield f"{path}.{name} is not there"
        for name in value.keys() - {name.removesuffix("?") for name in kind}:
            yield f"{path}.{name} is not known"
