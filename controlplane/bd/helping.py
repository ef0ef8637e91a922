"""Usage and help, made from the table of commands."""

from __future__ import annotations

from controlplane.bd import table
from controlplane.bd.errors import Usage
from controlplane.bd.grammar import Flag, Flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from controlplane.bd.main import Session

_WORDS = {
    "text": " TEXT", "number": " N", "list": " A,B", "moment": " WHEN", "switch": "",
}  # fmt: skip


def show(session: Session) -> int:
    words = session.line.words
    if not words:
        session.say(overview())
        return 0
    name = " ".join(words)
    known = table.by_words()
    if name in table.GROUPS and name != "comments":
        session.say(group(name))
    elif name in known:
        session.say(of_command(known[name]))
    else:
        raise Usage(f'unknown help topic "{name}"')
    return 0


def usage(name: str) -> str:
    """The lines that follow a mistake."""
    known = table.by_words()
    if name in known:
        return f"Usage:\n  {_line(known[name])}\n\nRun 'bd {name} --help' for its flags."
    if name in table.GROUPS:
        return f"Usage:\n  bd {name} COMMAND\n\nRun 'bd help {name}' for its commands."
    return "Usage:\n  bd COMMAND [flags]\n\nRun 'bd help' for the commands."


def overview() -> str:
    lines = ["bd: the work graph from a terminal", "", "Usage:", "  bd COMMAND [flags]", ""]
    lines += ["Commands:"]
    lines += [f"  {command.name:<22}{command.about}" for command in table.COMMANDS]
    lines += ["", "Global flags (before or after the command):", *_flags(table.GLOBAL)]
    return "\n".join([*lines, "", "`bd help COMMAND` shows what a command takes."])


def group(name: str) -> str:
    below = [each for each in table.COMMANDS if each.name.startswith(f"{name} ")]
    lines = [table.GROUPS[name], "", "Usage:", f"  bd {name} COMMAND", "", "Commands:"]
    lines += [f"  {each.name:<22}{each.about}" for each in below]
    return "\n".join(lines)


def of_command(command: table.Command) -> str:
    lines = [command.about, "", "Usage:", f"  {_line(command)}"]
    if command.aliases:
        lines += ["", f"Also: {', '.join(command.aliases)}"]
    own = _flags(command.flags)
    if own:
        lines += ["", "Flags:", *own]
    return "\n".join([*lines, "", "Global flags: `bd help`."])


def _line(command: table.Command) -> str:
    words = [_word(each) for each in command.takes.split()]
    return " ".join(["bd", command.name, *words, *(["[flags]"] if command.flags else [])])


def _word(takes: str) -> str:
    plain = takes.rstrip("?*+.").upper().replace("_", "-")
    if takes.endswith(("+", "...")):
        return f"{plain}..." if takes.endswith("...") else f"{plain} ..."
    if takes.endswith("*"):
        return f"[{plain} ...]"
    return f"[{plain}]" if takes.endswith("?") else plain


def _flags(words: str) -> list[str]:
    from controlplane.bd.flag_words import ABOUT

    lines = []
    for flag in Flags(words).all:
        if not flag.kind.startswith("ignored"):
            lines.append(f"  {_shown(flag):<34}{ABOUT.get(flag.name, '')}".rstrip())
    return lines


def _shown(flag: Flag) -> str:
    short = f"-{flag.shorts[0]}, " if flag.shorts else "    "
    return f"{short}--{flag.name}{_WORDS.get(flag.kind, '')}"
