#!/usr/bin/env python3
"""read_back.py FOLDER: reads each N.yaml as cloud-init does and its agent.env as bash and as systemd do, and compares
the values with the lines of N.expected."""

import pathlib
import subprocess
import sys

import yaml


def systemd_value(text):
    """What systemd takes a double-quoted value for (systemd.exec, EnvironmentFile=)."""
    assert text[0] == text[-1] == '"', text
    value, characters = "", iter(text[1:-1])
    for character in characters:
        if character == "\\":
            following = next(characters)
            value += following if following in '"\\`$' else "\\" + following
        else:
            assert character not in '"', text
            value += character
    return value


def by_systemd(text):
    return {name: systemd_value(value) for name, _, value in (line.partition("=") for line in text.splitlines())}


def by_bash(texts):
    """Many files in one shell: each is read in a subshell, which prints what it holds."""
    values = '"$RGRID_TOKEN" "$RGRID_FLEET" "$RGRID_POOL" "$RGRID_GATEWAY"'
    script = "".join(f"(. /dev/fd/3\nprintf '%s\\0' {values}) 3<<'end of this file'\n{text}end of this file\n"
                     for text in texts)
    found = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True).stdout.split("\0")[:-1]
    names = ("RGRID_TOKEN", "RGRID_FLEET", "RGRID_POOL", "RGRID_GATEWAY")
    assert len(found) == 4 * len(texts), found
    return [dict(zip(names, found[i:i + 4])) for i in range(0, len(found), 4)]


def contents(path):
    document = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {file["path"]: file["content"] for file in document["write_files"]}


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.yaml"))
    files = [contents(path) for path in paths]
    texts = [each["/etc/rgrid/agent.env"] for each in files]
    wrong = 0
    for path, each, text, bash in zip(paths, files, texts, by_bash(texts)):
        systemd = by_systemd(text)
        bash["ca"] = systemd["ca"] = each["/etc/rgrid/ca.pem"].rstrip("\n")
        for line in path.with_suffix(".expected").read_text().splitlines():
            name, _, value = line.partition("=")
            for reader, values in (("bash", bash), ("systemd", systemd)):
                if values.get(name) != value:
                    print(f"{path}: {reader} reads {name} as {values.get(name)!r}; expected {value!r}")
                    wrong += 1
    print(f"{len(paths)} files read, {wrong} values wrong")
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
