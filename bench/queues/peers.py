"""Brings the other queues: they are optional, and what cannot be brought is left out with its reason."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


class LeftOut(Exception):
    """Why a queue does not take part."""


def cache_folder():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rgrid-bench-queues"


def stamp_of(files):
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word of why"]
        raise LeftOut(f"`{' '.join(map(str, command[:2]))}` failed: {words[-1][:200]}")


def make(folder, sources, product, command):
    """Copies the sources and makes the product of them, unless that was done for these very sources."""
    stamp = folder / "made_of"
    if product.exists() and stamp.exists() and stamp.read_text() == stamp_of(sources):
        return product
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, folder)
    run(command, folder)
    if not product.exists():
        raise LeftOut(f"`{command[0]}` has not made {product}")
    stamp.write_text(stamp_of(sources))
    return product


def needed(program):
    if shutil.which(program) is None:
        raise LeftOut(f"{program} is not on this machine")


def bring_node(cache):
    """A Node of the version that the peers want, beside their packages."""
    needed("npm")
    folder = cache / "node"
    return make(folder, sorted((HERE / "node").iterdir()), folder / "node_modules/.bin/node",
                ["npm", "install", "--no-audit", "--no-fund", "--engine-strict=false"])


def bring_river(cache):
    needed("go")
    folder = cache / "river"
    return make(folder, sorted((HERE / "river").iterdir()), folder / "river",
                ["go", "build", "-trimpath", "-buildvcs=false", "-o", "river", "."])


BRING = {"node": bring_node, "river": bring_river}


def bring(needs, cache):
    """({what: its program}, {what: why it is left out})"""
    made, left_out = {}, {}
    for what in sorted(needs):
        try:
            made[what] = BRING[what](cache)
        except (LeftOut, OSError) as reason:
            left_out[what] = str(reason)
    return made, left_out
