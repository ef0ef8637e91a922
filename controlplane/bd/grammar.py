"""The command line, read as the tools that call `bd` expect it: flags and words in any order,
`--f v`, `--f=v`, `-f v`, `-fv`, `-f=v`, lists by commas or repetition, `--` to end the flags."""

from __future__ import annotations

from controlplane.bd import table
from controlplane.bd.errors import Usage

TRUE = {"1", "t", "true", "yes", "on"}
FALSE = {"0", "f", "false", "no", "off"}
_WHOLE = 10**9
KINDS = {
    "=": "text", "#": "number", "[]": "list", "!": "switch", "@": "moment", "~": "ignored",
    "~!": "ignored switch",
}  # fmt: skip

Value = object


class Flag:
    __slots__ = ("kind", "name", "others", "shorts")

    def __init__(self, word: str) -> None:
        end = len(word.rstrip("=#[]!@~"))
        self.kind = KINDS[word[end:]]
        names, _, shorts = word[:end].partition("/")
        self.name, *self.others = names.split(",")
        self.shorts = shorts.split(",") if shorts else []

    @property
    def takes_value(self) -> bool:
        return not self.kind.endswith("switch")

    def shown(self) -> str:
        return f"-{self.shorts[0]}, --{self.name}" if self.shorts else f"--{self.name}"


class Flags:
    """What may stand on one command line. A command's own spelling wins over the global one."""

    def __init__(self, *groups: str) -> None:
        self.all: list[Flag] = []
        self.long: dict[str, Flag] = {}
        self.short: dict[str, Flag] = {}
        for group in groups:
            for word in group.split():
                self._add(Flag(word))

    def _add(self, flag: Flag) -> None:
        self.all.append(flag)
        for name in (flag.name, *flag.others):
            self.long.setdefault(name, flag)
        for letter in flag.shorts:
            self.short.setdefault(letter, flag)


class Line:
    """What somebody asked for."""

    __slots__ = ("command", "flags", "options", "words")

    def __init__(self, command: table.Command | None) -> None:
        self.command = command
        self.words: list[str] = []
        self.flags: dict[str, Value] = {}
        # The global ones.
        self.options: dict[str, Value] = {}

    def on(self, option: str) -> bool:
        return self.options.get(option) is True

    def text(self, option: str) -> str:
        return str(self.options.get(option) or "")


_GLOBAL = Flags(table.GLOBAL)


def read(argv: list[str]) -> Line:
    command, rest = _find(argv)
    line = Line(command)
    own = Flags(command.flags) if command else Flags()
    reader = _Reader(rest, own, line)
    try:
        reader.run()
    except Usage as usage:
        usage.command = command.name if command else ""
        # `--help` beside a mistake is a call for help.
        if "--help" in rest or "-h" in rest:
            line.options["help"] = True
            return line
        raise
    return line


# --- Which command ----------------------------------------------------------------------------


def _find(argv: list[str]) -> tuple[table.Command | None, list[str]]:
    """The command, and the line without its words."""
    known = table.by_words()
    at = _next_word(argv, 0, _GLOBAL)
    if at is None:
        return None, argv
    first = argv[at]
    rest = argv[:at] + argv[at + 1 :]
    if first in table.GROUPS:
        own = Flags(known[first].flags if first in known else "", table.GLOBAL)
        below = _next_word(rest, at, own)
        two = f"{first} {rest[below]}" if below is not None else ""
        if two in known and below is not None:
            return known[two], rest[:below] + rest[below + 1 :]
        if first not in known:
            return _group(first, rest, below)
    if first not in known:
        raise Usage(f'unknown command "{first}" for "bd"{_meant(first, known)}')
    return known[first], rest


def _group(first: str, rest: list[str], below: int | None) -> tuple[table.Command, list[str]]:
    """`bd label`: its help. `bd label x`: no such command."""
    if below is not None:
        raise Usage(f'unknown command "{rest[below]}" for "bd {first}"', command=first)
    help_on = table.Command("help", "topic...?", table.LOCAL, "")
    return help_on, [*rest, first]


def _next_word(argv: list[str], start: int, flags: Flags) -> int | None:
    index = start
    while index < len(argv):
        word = argv[index]
        if word == "--":
            return None
        if len(word) < 2 or not word.startswith("-"):
            return index
        index += 2 if _consumes_next(word, flags) else 1
    return None


def _consumes_next(word: str, flags: Flags) -> bool:
    if "=" in word:
        return False
    if word.startswith("--"):
        flag = flags.long.get(word[2:])
        # A flag of the command to come: most take a value.
        return flag.takes_value if flag else word[2:] not in _ALONE()
    last = len(word) - 1
    for position, letter in enumerate(word[1:], 1):
        flag = flags.short.get(letter)
        if flag is None or flag.takes_value:
            return position == last
    return False


def _ALONE() -> set[str]:  # noqa: N802 - a table, made when it is first needed
    """Long names that stand alone in every command that has them."""
    alone: set[str] = set()
    valued: set[str] = set()
    for command in table.COMMANDS:
        for flag in Flags(command.flags).all:
            (valued if flag.takes_value else alone).update((flag.name, *flag.others))
    return alone - valued


def _meant(typed: str, known: dict[str, table.Command]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(typed, [word for word in known if " " not in word], n=3)
    return "\n\nDid you mean this?" + "".join(f"\n\t{word}" for word in near) if near else ""


# --- Flags and words --------------------------------------------------------------------------


class _Reader:
    def __init__(self, tokens: list[str], own: Flags, line: Line) -> None:
        self.tokens = tokens
        self.own = own
        self.line = line
        self.index = 0

    def run(self) -> None:
        while self.index < len(self.tokens):
            word = self.tokens[self.index]
            self.index += 1
            if word == "--":
                self.line.words += self.tokens[self.index :]
                return
            if word.startswith("--"):
                self._long(word)
            elif len(word) > 1 and word.startswith("-"):
                self._short(word)
            else:
                self.line.words.append(word)

    def _long(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        for flags, target in self._places():
            flag = flags.long.get(name)
            if flag is not None:
                given = value if equals else self._value(flag, f"--{name}")
                self._store(flag, given, target)
                return
        raise Usage(f"unknown flag: --{name}")

    def _short(self, word: str) -> None:
        letters = word[1:]
        position = 0
        while position < len(letters):
            letter = letters[position]
            position += 1
            flag, target = self._short_flag(letter, word)
            rest = letters[position:]
            if rest.startswith("="):
                self._store(flag, rest[1:], target)
                return
            if flag.takes_value:
                given = rest or self._value(flag, f"'{letter}' in {word}")
                self._store(flag, given, target)
                return
            self._store(flag, "true", target)

    def _short_flag(self, letter: str, word: str) -> tuple[Flag, dict[str, Value]]:
        for flags, target in self._places():
            if letter in flags.short:
                return flags.short[letter], target
        raise Usage(f"unknown shorthand flag: '{letter}' in {word}")

    def _places(self) -> list[tuple[Flags, dict[str, Value]]]:
        return [(self.own, self.line.flags), (_GLOBAL, self.line.options)]

    def _value(self, flag: Flag, shown: str) -> str:
        if not flag.takes_value:
            return "true"
        if self.index >= len(self.tokens):
            raise Usage(f"flag needs an argument: {shown}")
        self.index += 1
        return self.tokens[self.index - 1]

    def _store(self, flag: Flag, given: str, target: dict[str, Value]) -> None:
        if flag.kind.startswith("ignored"):
            return
        if flag.kind == "switch":
            target[flag.name] = _switch(flag, given)
        elif flag.kind == "number":
            target[flag.name] = _number(flag, given)
        elif flag.kind == "list":
            before = target.get(flag.name)
            target[flag.name] = [*(before if isinstance(before, list) else []), *split(given)]
        else:
            target[flag.name] = given


def _switch(flag: Flag, given: str) -> bool:
    if given.lower() in TRUE:
        return True
    if given.lower() in FALSE:
        return False
    raise Usage(f'invalid argument "{given}" for "{flag.shown()}" flag: true or false')


def _number(flag: Flag, given: str) -> int:
    text = given[1:] if given[:1] in ("-", "+") else given
    if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= _WHOLE:
        return int(given)
    raise Usage(f'invalid argument "{given}" for "{flag.shown()}" flag: a whole number')


def split(given: str) -> list[str]:
    """`a,b` and `"a,b",c`, without the blanks around."""
    if '"' not in given:
        return [part for part in (part.strip() for part in given.split(",")) if part]
    import csv

    try:
        rows = list(csv.reader([given.replace("\n", " ")], skipinitialspace=True))
    except csv.Error as error:
        raise Usage(f"{given[:60]!r} is no list: {error}") from None
    return [part for part in (part.strip() for row in rows for part in row) if part]


# --- Words to names ---------------------------------------------------------------------------


def place(line: Line) -> dict[str, Value]:
    """The words under the names that the table gives them."""
    command = line.command
    if command is None:
        return {}
    takes = command.takes.split()
    words = list(line.words)
    placed: dict[str, Value] = {}
    # What stands after a list is taken from the end: `label add ID ID LABEL`.
    after = takes[1:] if takes and takes[0][-1] in "+*" else []
    tail = [words.pop() for _ in after if len(words) > 1][::-1] if after else []
    for index, name in enumerate(takes[:1] if after else takes):
        _take(command, name, words, placed, last=index == len(takes) - 1)
    if words:
        most = len(line.words) - len(words)
        raise Usage(
            f"accepts at most {most} arg(s), received {len(line.words)}", command=command.name
        )
    if len(tail) < len(after):
        raise _missing(command, len(takes), len(line.words))
    placed.update(zip(after, tail, strict=True))
    return placed


def _take(
    command: table.Command, name: str, words: list[str], placed: dict[str, Value], *, last: bool
) -> None:
    plain = name.rstrip("?*+.")
    if name.endswith(("*", "+")):
        if name.endswith("+") and not words:
            raise _missing(command, 1, 0)
        if words:
            placed[plain] = words[:]
        words.clear()
    elif "..." in name:
        if words:
            placed[plain] = " ".join(words)
        elif not name.endswith("?"):
            raise _missing(command, 1, 0)
        words.clear()
    elif words:
        placed[plain] = words.pop(0)
    elif not name.endswith("?"):
        least = sum(not part.endswith(("?", "*")) for part in command.takes.split())
        raise _missing(command, least, len(placed))


def _missing(command: table.Command, least: int, got: int) -> Usage:
    return Usage(f"requires at least {least} arg(s), only received {got}", command=command.name)
