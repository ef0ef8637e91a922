"""One command as it was asked, and the reading of what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, Invalid
from controlplane.work import services
from controlplane.work.models import Item, Project
from controlplane.work.services import graph

MOST_IDS = 1_000
LONGEST_LIMIT = 1_000_000


def refuse(flag: str, sentence: str) -> Invalid:
    return Invalid(sentence, details={flag: sentence})


class Given:
    """The flags and words of a command, by their long names with `_` for `-`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise refuse(name, f"{_flag(name)} is a text.")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if isinstance(value, bool):
            return value
        raise refuse(name, f"{_flag(name)} is true or false.")

    def words(self, name: str) -> list[str]:
        """A list, or one text with commas in it."""
        value = self.values.get(name, [])
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise refuse(name, f"{_flag(name)} is a list of texts.")
        return [each.strip() for each in value if each.strip()]

    def number(self, name: str, default: int | None = None, *, least: int = 0) -> int | None:
        if name not in self.values:
            return default
        value = self.values[name]
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                raise refuse(name, f"{_flag(name)}: {value[:40]!r} is no number.") from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse(name, f"{_flag(name)} is a whole number.")
        if value < least:
            raise refuse(name, f"{_flag(name)} must not be less than {least} (got {value}).")
        return min(value, LONGEST_LIMIT)

    def moment(self, name: str) -> datetime | None:
        """RFC 3339, or a day, which begins at midnight in UTC. An empty text is no moment."""
        text = self.text(name).strip()
        if not text:
            return None
        try:
            if len(text) == 10:
                return datetime.combine(date.fromisoformat(text), time(), UTC)
            found = datetime.fromisoformat(text)
        except ValueError:
            raise refuse(name, f"{_flag(name)}: {text[:40]!r} is no date.") from None
        try:
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except OverflowError:
            raise refuse(name, f"{_flag(name)}: {text[:40]!r} is out of range.") from None

    def ids(self) -> list[str]:
        """What the command is about: `ids`, or one `id`."""
        named = self.words("ids") if "ids" in self else []
        if "id" in self:
            named += self.words("id")
        if not named:
            raise refuse("ids", "no issue ID provided")
        if len(named) > MOST_IDS:
            raise refuse("ids", f"At most {MOST_IDS} at once.")
        return list(dict.fromkeys(named))

    def one(self, *names: str) -> str:
        """The one item the command is about, under the first of these names that is given."""
        for name in (*names, "id"):
            if name in self and (text := self.text(name).strip()):
                return text
        found = self.words("ids")
        if len(found) != 1:
            raise refuse((*names, "id")[0], "no issue ID provided")
        return found[0]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(slots=True)
class Call:
    """A command on its way: who asks, where, what."""

    op: str
    actor: Actor
    workspace: Workspace
    project: Project
    given: Given
    name: str = ""  # for whom the tool says it acts
    owner: str = ""  # the git e-mail that came with it
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    # Refusals of single items in a command that went on; denials among them are recorded later.
    refused: list[ControlPlaneError] = field(default_factory=list)
    result: Any = None

    @property
    def me(self) -> str:
        """As whom this caller claims, and is looked for under `--mine`."""
        return (self.name or self.actor.label or self.actor.ref).strip()[:200]

    @property
    def who(self) -> dict[str, Any]:
        """What every service is told."""
        return {"actor": self.actor, "name": self.name}

    def note(self, line: str) -> None:
        self.notes.append(line)

    def refuse(self, error: ControlPlaneError, prefix: str = "") -> None:
        self.refused.append(error)
        self.note(f"{prefix}{error.message}")

    def alone(self) -> None:
        """Be the only one who changes this workspace's graph, before a first row is held. For
        commands about several items, and for those that change edges after something else: two
        that hold each other's rows would both fail."""
        graph.lock(self.workspace.pk)

    def find(self, text: str) -> Item:
        return services.resolve(self.project, text)

    def find_all(self) -> list[Item]:
        """Every named item, or none of them: an unknown id refuses the whole command."""
        found: dict[int, Item] = {}
        for text in self.given.ids():
            item = self.find(text)
            found.setdefault(item.pk, item)
        return list(found.values())
