"""Whether a command line names commands and options that a program has, as its own --help tells."""

import functools
import re
import shlex
import subprocess

OPERATORS = {"|", "||", "&&", ";", "&", "(", ")", "<", ">", ">>", "2>", "2>&1"}
# Their script's own arguments follow the script.
TAKES_A_SCRIPT = {("rgrid", "run"), ("rgrid", "batch")}


class Help:
    """One page of --help."""

    def __init__(self, text):
        self.options = {}  # name -> whether it takes a value
        self.subcommands = set()
        self.positionals = []  # (required, any number of them)
        section = ""
        for line in text.splitlines():
            heading = re.match(r"^(\w[\w ]*):$", line)
            if heading:
                section = heading[1]
            elif section == "Options" and (option := re.match(r"^  (-\S+)(?: (\S.*?))?(?:  |$)", line)):
                value = option[2] or ""
                takes = bool(re.match(r"^[A-Z]", value)) and not value.startswith(("Excludes:", "Needs:"))
                for name in option[1].split(","):
                    self.options[name] = takes
            elif section == "Positionals" and (positional := re.match(r"^  (\S+) (.*?)(?:  |$)", line)):
                self.positionals.append(("REQUIRED" in positional[2], "..." in positional[2]))
            # Commands stand below the names of their groups.
            elif section not in ("", "Options") and (command := re.match(r"^  (\S+)", line)):
                self.subcommands.add(command[1])


class Programs:
    def __init__(self, folder):
        self.folder = folder

    @functools.lru_cache(maxsize=None)
    def help(self, words):
        done = subprocess.run([self.folder / words[0], *words[1:], "--help"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"'{' '.join(words)} --help' failed: {done.stderr}")
        return Help(done.stdout)

    def problem(self, words, complete=True):
        """What is wrong with a command line; nothing if it is right. If it need not be complete, as in a sentence that
        names a command, its arguments may be missing."""
        complete = complete and "--help" not in words
        path, rest = (words[0],), list(words[1:])
        positionals = 0
        page = self.help(path)
        while rest:
            word = rest.pop(0)
            if word.startswith("-") and word != "-":
                name, has_value, _ = word.partition("=")
                if name not in page.options:
                    return f"'{' '.join(path)}' has no option {name}"
                if page.options[name] and not has_value:
                    if not rest:
                        return f"option {name} has no value"
                    rest.pop(0)
            elif page.subcommands:
                if word not in page.subcommands:
                    return f"'{' '.join(path)}' has no command {word}"
                path += (word,)
                page = self.help(path)
            elif path in TAKES_A_SCRIPT:
                late = [other for other in rest if other.partition("=")[0] in page.options]
                return f"{late[0]} comes after {word}, so it belongs to that script" if late else None
            else:
                positionals += 1
                if positionals > len(page.positionals) and not any(many for _, many in page.positionals):
                    return f"'{' '.join(path)}' takes no '{word}'"
        if complete and path in TAKES_A_SCRIPT:
            return f"'{' '.join(path)}' names no script"
        if complete and positionals < sum(required for required, _ in page.positionals):
            return f"'{' '.join(path)}' needs an argument"
        return None


def command_lines(text, programs):
    """(line, words) of every call of one of the programs in a shell script. Leaves other commands alone."""
    number = 0
    pending, begin = "", 0
    for line in text.splitlines():
        number += 1
        begin = begin if pending else number
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
            continue
        script, pending = pending, ""
        lexer = shlex.shlex(script, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if word not in OPERATORS:
                words.append(word)
                continue
            while words and (re.match(r"^\w+=", words[0]) or words[0] in ("sudo", "time", "!", "$")):
                words.pop(0)
            if words and words[0] in programs:
                yield begin, words
            words = []
