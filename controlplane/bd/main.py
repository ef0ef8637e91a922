"""From the words on a command line to an exit code, which is 0 or 1."""

from __future__ import annotations

import os

from controlplane.bd import folder as folders
from controlplane.bd import grammar, printing, table
from controlplane.bd.errors import BadOption, Refused, Trouble, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from controlplane.bd.portal import Door, Reply

# Where the JSON form of a refusal goes, as Beads' clients are used to it. `plain`: nowhere.
_STDOUT = "stdout"
_STDERR = "stderr"
_PLAIN = "plain"
_ON_STDOUT = frozenset({"dep", "comment", "comments", "label", "show", "note"})
_GUARDED = frozenset({"close", "update", "ready", "reopen"})
# Commands that speak to the portal in their own way, or not at all: module and function.
_OWN = {
    "init": ("joining", "init"),
    "export": ("transfer", "export"),
    "import": ("transfer", "load"),
    "sync": ("transfer", "sync"),
    "context": ("local", "context"),
    "info": ("local", "info"),
    "doctor": ("local", "doctor"),
    "where": ("local", "where"),
    "version": ("local", "version"),
    "cleanup": ("local", "cleanup"),
    "migrate": ("local", "migrate"),
    "prime": ("local", "prime"),
    "schema": ("shapes", "schema"),
    "quickstart": ("local", "quickstart"),
    "help": ("helping", "show"),
}
# What `--format` may ask for beside json.
_FORMS = {"list": ("digraph", "dot"), "dep tree": ("mermaid",), "export": ("jsonl",)}
_OF_FILES = frozenset({"jsonl"})
_WITHOUT_FOLDER = frozenset(
    {"init", "where", "version", "prime", "schema", "quickstart", "help", "migrate", "cleanup"}
)


class Session:
    """One run of the program."""

    def __init__(self, line: grammar.Line) -> None:
        self.line = line
        if line.command is None:
            raise Usage("no command")
        self.command: table.Command = line.command
        self.json = (
            line.on("json") or line.text("format") == "json" or line.flags.get("format") == "json"
        )
        self.quiet = line.on("quiet")
        self.envelope = os.environ.get("BD_JSON_ENVELOPE", "") in grammar.TRUE
        self.sandbox = sandbox_of(line)
        self.folder: folders.Folder | None = None
        if self.command.name not in _WITHOUT_FOLDER and not self.sandbox:
            self.folder = folders.require(os.environ)
        elif self.command.name != "init":
            self.folder = folders.find(os.environ)
        self._door: Door | None = None

    @property
    def door(self) -> Door:
        """Made when it is needed: help and version speak to nobody."""
        if self._door is None:
            self._door = self.door_of(self.folder)
        return self._door

    def door_of(self, folder: folders.Folder | None) -> Door:
        from controlplane.bd.portal import Door

        return Door(folder, sandbox=self.sandbox, actor=self.line.text("actor"))

    def enter(self, folder: folders.Folder) -> None:
        """Go on in a folder that has just been connected."""
        self.folder = folder
        self._door = None

    # --- Saying -------------------------------------------------------------------------------

    def print_json(self, value: object) -> None:
        printing.out(printing.one_json(value, envelope=self.envelope))

    def say(self, text: str) -> None:
        if not self.quiet:
            printing.out(printing.clean(text))

    def note(self, text: str) -> None:
        printing.err(printing.clean(text))

    def answer(self, value: object, text: str) -> int:
        """The object for a program, or the text for a person."""
        if self.json:
            self.print_json(value)
        else:
            self.say(text)
        return 0

    # --- The ordinary command -----------------------------------------------------------------

    def perform(self) -> int:
        self.require_writable()
        self.require_format()
        own = _OWN.get(self.command.name)
        if own:
            module = __import__(f"controlplane.bd.{own[0]}", fromlist=[own[1]])
            code: int = getattr(module, own[1])(self)
            return code
        return self.ask_and_show()

    def require_writable(self) -> None:
        writes = self.command.effect == table.WRITE or self.line.flags.get("claim") is True
        if writes and self.line.on("readonly"):
            name = self.command.name
            raise Refused(403, "READONLY", f"operation '{name}' is not allowed in read-only mode")

    def require_format(self) -> None:
        """A form that nobody knows is refused: shown in another, it would be read as what it is
        not."""
        wanted = self.line.flags.get("format") or self.line.options.get("format")
        known = _FORMS.get(self.command.name, ())
        if wanted in (None, "json") or wanted in known:
            if wanted in known and wanted not in _OF_FILES and self.line.on("json"):
                raise BadOption(f"cannot use --json with --format {wanted}")
            return
        shown = str(wanted)[:40]
        if "{{" in shown:
            raise BadOption("--format takes no templates here: use --json and jq")
        one_of = ", ".join(("json", *known))
        raise BadOption(f"unknown format {shown!r} for `bd {self.command.name}` (one of {one_of})")

    @property
    def writes(self) -> bool:
        flags = self.line.flags
        return self.command.effect == table.WRITE or flags.get("claim") is True

    def ask_and_show(self) -> int:
        from controlplane.bd import wish

        op, args = wish.build(self.line, self.folder)
        if self.sandbox and printing.watched():
            self.note(f"Sandbox {self.sandbox}: nobody else sees this")
        if op == "dep_tree" and not self.json and "direction" not in args:
            # A person who confirms a tree wants to see the parts of it too.
            args["direction"] = "both"
        reply = self.door.ask(op, args, writes=self.writes)
        if self.writes and not reply.failed and not _only_said(reply, args):
            self.written(reply, args)
        self.show(reply, args)
        for note in reply.notes:
            self.note(note)
        found_circles = op == "dep_cycles" and bool(reply.result)
        return 1 if reply.failed or found_circles else 0

    def show(self, reply: Reply, args: dict[str, object]) -> None:
        if self.json:
            # Refused altogether: the reason stands on stderr, and no empty answer beside it.
            if not (reply.failed and not reply.result):
                self.print_json(reply.result)
            return
        if self.command.name == "q" or self.line.flags.get("silent") is True:
            made = reply.result if isinstance(reply.result, list) else [reply.result]
            printing.out("\n".join(printing.one_line(_first_id(one)) for one in made))
            return
        from controlplane.bd import texts

        self.say(texts.render(self.command.op, reply.result, args, self.line.flags))

    def written(self, reply: Reply, args: dict[str, object]) -> None:
        """Every writing touches a file in `.beads/`; reading never does."""
        place = self.folder
        if self.sandbox:
            beside = os.path.dirname(self.sandbox)
            at_hand = os.path.basename(beside) == folders.NAME and os.path.isdir(beside)
            place = folders.Folder(beside, {}) if at_hand else None
        if place is None:
            return
        place.touch(_first_id(reply.result) or _named(args))
        if reply.export and not self.sandbox:
            from controlplane.bd import transfer

            transfer.refresh(self)

    def keeps_export(self) -> bool:
        """Whether the project's tools read `issues.jsonl`."""
        args: dict[str, object] = {"key": "export.auto"}
        said = self.door.ask("config_get", args, writes=False).result
        value = said.get("value") if isinstance(said, dict) else ""
        return str(value).lower() in grammar.TRUE


def sandbox_of(line: grammar.Line) -> str:
    """`--db PATH` names a private sandbox; so does BEADS_DB."""
    path = line.text("db") or os.environ.get("BEADS_DB", "") or os.environ.get("BD_DB", "")
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _only_said(reply: Reply, args: dict[str, object]) -> bool:
    """A dry run, asked for or not: `delete` without --force is one. Or there was nothing to do,
    like nothing to claim."""
    said = reply.result
    return (
        said == []
        or args.get("dry_run") is True
        or (isinstance(said, dict) and said.get("dry_run") is True)
    )


def _first_id(result: object) -> str:
    if isinstance(result, list):
        result = result[0] if result else None
    if isinstance(result, dict):
        for name in ("id", "issue_id"):
            found = result.get(name)
            if name in result and isinstance(found, str) and "text" not in result:
                return found
        if isinstance(result.get("closed"), list):
            return _first_id(result["closed"])
        return str(result.get("issue_id") or "")
    return ""


def _named(args: dict[str, object]) -> str:
    ids = args.get("ids")
    if isinstance(ids, list) and ids:
        return str(ids[0])
    return str(args.get("id") or args.get("issue") or "")


# --- From the outside -------------------------------------------------------------------------


def main(argv: list[str]) -> int:
    try:
        return _run(argv)
    except Usage as usage:
        from controlplane.bd import helping

        _complain(usage.message, "")
        printing.err(helping.usage(usage.command))
        return 1
    except Trouble as trouble:
        _complain(trouble.message, trouble.hint)
        return 1
    except KeyboardInterrupt:
        printing.err("Stopped.")
        return 1
    except BrokenPipeError:
        # `bd list | head`: nobody reads on.
        printing.leave()
        return 1
    except OSError as error:
        printing.leave()
        _complain(f"{error.strerror or error}", "")
        return 1


def _run(argv: list[str]) -> int:
    line = grammar.read(argv)
    _enter(line.text("directory"))
    name = line.command.name if line.command else ""
    if line.on("version") and not line.on("help"):
        line.command = table.Command("version", "", table.LOCAL, "")
    elif line.on("help") or line.command is None:
        line.words = [name] if name else []
        line.command = table.Command("help", "topic...?", table.LOCAL, "")
    elif name == "dep" and not line.words and not line.flags:
        line.words = ["dep"]
        line.command = table.Command("help", "topic...?", table.LOCAL, "")
    session = Session(line)
    try:
        return session.perform()
    except Refused as refused:
        return _refused(session, refused)


def _enter(place: str) -> None:
    if place:
        try:
            os.chdir(place)
        except OSError as error:
            raise Trouble(f"-C {place}: {error.strerror}") from None


def _refused(session: Session, refused: Refused) -> int:
    """A line for people on stderr in every case, and the JSON where clients look for it."""
    where = stream_of(session.command.name, refused) if session.json else _PLAIN
    _complain(refused.message, "")
    if where != _PLAIN:
        text = printing.one_json({"error": refused.message}, envelope=session.envelope)
        (printing.out if where == _STDOUT else printing.err)(text)
    return 1


def stream_of(name: str, refused: Refused) -> str:
    first = name.partition(" ")[0]
    if refused.code == "READONLY":
        return _STDERR
    if first in _ON_STDOUT:
        return _STDOUT
    if first in _GUARDED:
        unknown = refused.status == 404
        by_option = refused.status == 400  # a guard answers with 422
        if first in ("close", "reopen"):
            return _STDOUT if unknown or by_option else _PLAIN
        if first == "update":
            return _STDOUT if by_option else _PLAIN
        return _STDERR if by_option else _PLAIN
    return _STDERR


def _complain(message: str, hint: str) -> None:
    printing.err(printing.clean(f"Error: {message}"))
    if hint:
        printing.err(printing.clean(f"Hint: {hint}"))
