"""From a command line to what the portal is asked: files read, moments made exact, short forms
spelt out."""

from __future__ import annotations

import sys

from controlplane.bd import grammar
from controlplane.bd.errors import BadOption, Usage
from controlplane.bd.folder import Folder

MANY = "create_many"
LONGEST_TEXT = 4_000_000
# What changes only how an answer is shown.
_SHOWN = (
    "long", "flat", "tree", "pretty", "plain", "short", "local-time", "silent", "current",
    "yes", "include-dependents", "include-comments", "stdin",
)  # fmt: skip

Args = dict[str, object]


def build(line: grammar.Line, folder: Folder | None) -> tuple[str, Args]:
    """The operation and its arguments."""
    command = line.command
    if command is None:
        raise Usage("no command")
    given: Args = {**command.fixed, **line.flags}
    words: Args = dict(grammar.place(line))
    _check_text([*given.values(), *words.values()])
    special = _SPECIAL.get(command.name)
    if special:
        special(given, words, folder)
    moments = {flag.name for flag in grammar.Flags(command.flags).all if flag.kind == "moment"}
    args: Args = {}
    for name, value in given.items():
        if name in _SHOWN or value is False:
            continue
        if name in moments:
            from controlplane.bd import times

            value = times.exact(str(value), flag=name)
        args[name.replace("-", "_")] = value
    args.update(words)
    for name, value in args.items():
        if isinstance(value, str) and "\x00" in value:
            raise BadOption(f"--{name.replace('_', '-')} holds the character NUL")
    return MANY if "issues" in args else command.op, args


def _check_text(values: list[object]) -> None:
    """The shell hands over any bytes; the portal takes text."""
    for value in values:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.isascii():
                try:
                    text.encode()
                except UnicodeEncodeError:
                    shown = text.encode("utf-8", "replace").decode()[:60]
                    raise BadOption(f"invalid UTF-8 in {shown!r}") from None


# --- Files and standard input -----------------------------------------------------------------


def read_file(path: str, *, flag: str) -> str:
    """A text from a file, or from standard input for `-`."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(LONGEST_TEXT + 1) if sys.stdin is not None else b""
        else:
            with open(path, "rb") as handle:
                data = handle.read(LONGEST_TEXT + 1)
    except OSError as error:
        raise BadOption(f"{flag}: {path} can't be read: {error.strerror}") from None
    shown = "standard input" if path == "-" else path
    if len(data) > LONGEST_TEXT:
        raise BadOption(f"{flag}: {shown} is longer than {LONGEST_TEXT // 1_000_000} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = data.count(b"\n", 0, error.start) + 1
        raise BadOption(f"{flag}: {shown} is no UTF-8 text: line {where}") from None


def _from_file(given: Args, flag: str, target: str) -> None:
    path = given.pop(flag, None)
    if path is not None:
        if target in given:
            raise BadOption(f"cannot use both --{flag} and --{target}")
        given[target] = read_file(str(path), flag=f"--{flag}").rstrip("\n")


def _texts(given: Args) -> None:
    if given.pop("stdin", None) is True:
        if "body-file" in given or "description" in given:
            raise BadOption("cannot use --stdin beside another description")
        given["body-file"] = "-"
    _from_file(given, "body-file", "description")
    _from_file(given, "design-file", "design")
    metadata = given.get("metadata")
    if isinstance(metadata, str) and metadata.startswith("@"):
        given["metadata"] = read_file(metadata[1:], flag="--metadata")


# --- What single commands do besides ----------------------------------------------------------


def _create(given: Args, words: Args, folder: Folder | None) -> None:
    if "graph" in given:
        raise BadOption(
            "--graph is not offered here: --file takes a plan in Markdown, and `bd import` takes"
            " JSON lines, all of them or none"
        )
    if "file" in given:
        _plan(given, words)
        return
    _texts(given)
    title = words.pop("title", None)
    if title is not None and "title" in given and title != given["title"]:
        raise BadOption("the title is given twice: as a word and by --title")
    if title is not None:
        given["title"] = title
    if "title" not in given:
        raise BadOption("title required")


# What may stand beside a plan: said once, it holds for each of its issues that says nothing else.
_BESIDE_PLAN = frozenset(
    {
        "file", "type", "priority", "assignee", "labels", "parent", "no-inherit-labels", "dry-run",
        "silent",
    }
)  # fmt: skip


def _plan(given: Args, words: Args) -> None:
    from controlplane.bd import plans

    for name in [*words, *(name for name in given if name not in _BESIDE_PLAN)]:
        raise BadOption(f"cannot use {'a title' if name == 'title' else '--' + name} with --file")
    path = str(given.pop("file"))
    shown = "standard input" if path == "-" else path
    given["issues"] = plans.read(read_file(path, flag="--file"), shown)


def _update(given: Args, words: Args, folder: Folder | None) -> None:
    _texts(given)
    _touched_last(given, words, folder)


def _touched_last(given: Args, words: Args, folder: Folder | None) -> None:
    """Without an id: the issue that was touched last here."""
    if words.get("ids"):
        return
    last = folder.last_touched() if folder else ""
    if not last:
        raise Usage("no issue ID given, and none was touched here before")
    words["ids"] = [last]


def _close(given: Args, words: Args, folder: Folder | None) -> None:
    _from_file(given, "reason-file", "reason")
    _touched_last(given, words, folder)


def _delete(given: Args, words: Args, folder: Folder | None) -> None:
    path = given.pop("from-file", None)
    if path is not None:
        lines = read_file(str(path), flag="--from-file").splitlines()
        named = [text for text in (text.strip() for text in lines) if text and text[0] != "#"]
        before = words.get("ids")
        words["ids"] = [*(before if isinstance(before, list) else []), *named]
    if not words.get("ids"):
        raise Usage("requires at least 1 arg(s), only received 0", command="delete")


def _show(given: Args, words: Args, folder: Folder | None) -> None:
    more = given.pop("id", None)
    if isinstance(more, list):
        before = words.get("ids")
        words["ids"] = [*(before if isinstance(before, list) else []), *more]
    if given.get("current"):
        _touched_last(given, words, folder)
    if not words.get("ids"):
        raise Usage("requires at least 1 arg(s), only received 0", command="show")


def _search(given: Args, words: Args, folder: Folder | None) -> None:
    if "query" not in words and "query" in given:
        words["query"] = given["query"]
    given.pop("query", None)
    if not str(words.get("query") or "").strip():
        raise BadOption("search query is required")


def _said(given: Args, words: Args, folder: Folder | None) -> None:
    """The text of a comment or note: words, a file, or standard input."""
    path = given.pop("file", None)
    if given.pop("stdin", None) is True:
        path = "-"
    if words.get("text") == "-":
        path = "-"
    if path is not None:
        words["text"] = read_file(str(path), flag="--file").strip("\n")
    if not str(words.get("text") or "").strip():
        raise BadOption("comment text cannot be empty")


def _dep(given: Args, words: Args, folder: Folder | None) -> None:
    """`dep Y --blocks X`: X depends on Y."""
    if "blocks" not in given or "id" not in words:
        raise Usage("write `bd dep BLOCKER --blocks BLOCKED`, or `bd dep add BLOCKED BLOCKER`",
                    command="dep")  # fmt: skip
    words["depends_on"] = words.pop("id")
    words["issue"] = given.pop("blocks")


def _dep_add(given: Args, words: Args, folder: Folder | None) -> None:
    path = given.pop("file", None)
    if path is not None:
        words["edges"] = _edges(read_file(str(path), flag="--file"))
        return
    for flag in ("blocked-by", "depends-on"):
        named = given.pop(flag, None)
        if named is None:
            continue
        if "depends_on" in words:
            raise BadOption(f"the blocker is given twice: as a word and by --{flag}")
        words["depends_on"] = named
    if "issue" not in words or "depends_on" not in words:
        raise Usage(f"requires 2 arg(s), only received {len(words)}", command="dep add")


def _edges(text: str) -> list[dict[str, str]]:
    import json

    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            edge = {"from": row["from"], "to": row["to"], "type": row.get("type", "blocks")}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadOption(f'line {number}: no {{"from": ID, "to": ID, "type": TYPE}}') from None
        if not all(isinstance(value, str) and value for value in edge.values()):
            raise BadOption(f"line {number}: from, to and type are texts")
        found.append(edge)
    return found


def _count(given: Args, words: Args, folder: Folder | None) -> None:
    """`--by-status` and its like are one choice."""
    if sum(name.startswith("by-") and given[name] is True for name in given) > 1:
        raise BadOption("only one --by-* flag can be given")


def _list(given: Args, words: Args, folder: Folder | None) -> None:
    given.pop("format", None)


def _tree(given: Args, words: Args, folder: Folder | None) -> None:
    if given.pop("reverse", None) is True:
        given["direction"] = "up"
    given.pop("format", None)


_SPECIAL = {
    "create": _create,
    "q": _create,
    "ensure": lambda given, words, folder: _texts(given),
    "update": _update,
    "close": _close,
    "delete": _delete,
    "list": _list,
    "show": _show,
    "search": _search,
    "comment": _said,
    "comments add": _said,
    "note": _said,
    "dep": _dep,
    "dep add": _dep_add,
    "dep tree": _tree,
    "count": _count,
}
