"""What apps hand to the parts that show everything: typed lists, filled in `apps.py`.

A page, check or job that must look at every app asks a registry instead of importing upwards.
What nobody registered is reported as `not_applicable`, never as green.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

from django.db.models import QuerySet

from controlplane.lib.actors import Actor


class Entry(Protocol):
    @property
    def slug(self) -> str: ...


T = TypeVar("T", bound=Entry)


class Registry(Generic[T]):
    """Entries by slug, in the order they came. Two of one slug are a bug found at start."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: dict[str, T] = {}

    def register(self, entry: T) -> T:
        known = self._entries.get(entry.slug)
        if known is not None and known != entry:
            raise ValueError(f"{self.name}: {entry.slug} is registered twice")
        self._entries[entry.slug] = entry
        return entry

    def replace(self, entry: T) -> T:
        """For an app that knows better than whoever had to guess: it keeps its place."""
        if entry.slug not in self._entries:
            raise ValueError(f"{self.name}: there is no {entry.slug} to replace")
        self._entries[entry.slug] = entry
        return entry

    def get(self, slug: str) -> T | None:
        return self._entries.get(slug)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, slug: object) -> bool:
        return slug in self._entries


Status = Literal["ok", "attention", "failing", "not_applicable"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a provider answers: a status, a sentence, numbers, where to look."""

    status: Status
    text: str = ""
    value: float | None = None
    link: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


NOT_APPLICABLE = Verdict("not_applicable", "Nobody reports this here.")


Tone = Literal["neutral", "info", "good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing on the home page that waits for somebody. `mine`: for this very person, by a role
    they hold; such rows stand before everything else."""

    title: str
    url: str
    text: str = ""
    state: str = ""
    tone: Tone = "neutral"
    since: datetime | None = None
    due: datetime | None = None
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Calm:
    """What a section of the home page without rows says. `known` is False where nobody has looked
    yet: silence is no good news then, and `link` leads to the next step."""

    text: str
    known: bool = True
    link: str = ""
    link_text: str = ""


@dataclass(frozen=True, slots=True)
class HomeRow:
    """A section of the home page: what waits for this person, most pressing first.

    `rows` answers at most what is worth showing (`HOME_ROWS`), `count` how many there are in all.
    It is asked only where `rows` answered `most`: fewer are all there are.
    `last` answers moments, the newest first: when there was one, asked only where there is none
    now and for all sections in one question; `then` says what became of it.
    `calm` answers what to say where there is none, if that is more than the sentence `empty`.
    """

    slug: str
    title: str
    action: str  # the policy action that lets one see it
    rows: Callable[[Actor, int | None], Sequence[Waiting]]
    count: Callable[[Actor, int | None], int] | None = None
    most: int = 0
    empty: str = ""
    link: str = ""
    order: int = 50
    last: Callable[[Actor, int | None], QuerySet[Any, datetime | None]] | None = None
    then: str = ""
    calm: Callable[[Actor, int | None], Calm] | None = None


@dataclass(frozen=True, slots=True)
class NavCount:
    value: int
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class NavRows:
    """Rows to count beside an entry. Whoever answers these instead of their number asks nothing:
    the sidebar counts the rows of all entries in one question. Where some of them are `grave`,
    `grave_tone` speaks for all."""

    rows: QuerySet[Any]
    tone: Tone = "neutral"
    most: int = 999
    grave: QuerySet[Any] | None = None
    grave_tone: Tone = "bad"


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the sidebar. `key` is what follows `g` on the keyboard."""

    slug: str
    label: str
    group: str
    url: str  # a URL name
    icon: str
    action: str
    order: int = 50
    key: str = ""
    count: Callable[[Actor, int | None], NavCount | NavRows] | None = None


@dataclass(frozen=True, slots=True)
class BannerText:
    text: str
    tone: Tone = "warn"
    link: str = ""
    link_text: str = "More"

    @property
    def mark(self) -> str:
        """What says something else is another banner, whoever put the first one away."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def may_go(self) -> bool:
        """What is only to come may be put away once it is read; what goes on stays in sight."""
        return self.tone in {"info", "neutral"}


@dataclass(frozen=True, slots=True)
class Banner:
    """What everybody in the console must know while it lasts: maintenance, a broken glass."""

    slug: str
    show: Callable[[Actor, int | None], Sequence[BannerText]]


@dataclass(frozen=True, slots=True)
class PaletteAction:
    """A page the palette leads to."""

    slug: str
    label: str
    url: str
    action: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Something a typed action can act on; `url` is where its button asks and acts."""

    label: str
    url: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PaletteVerb:
    """A typed action of the palette: `ack INC-12`, `run jobs.clean_up`. `find` gets the words
    after the verb and answers what they may mean, best first. `noun` is what one of them is
    called in "No job is called so"; by default the word of `takes`. `label` stands before a
    target's name; `about` says the whole of it where nothing is named yet."""

    slug: str
    verb: str
    takes: str
    label: str
    action: str
    find: Callable[[Actor, int | None, str], Sequence[Target]]
    noun: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class NameFinder:
    """Rows that have a name people type: `find` gets the words and answers a few, best first."""

    slug: str
    label: str  # what one of them is called
    action: str
    find: Callable[[Actor, int | None, str], Sequence[Target]]


@dataclass(frozen=True, slots=True)
class RefFinder:
    """Where a ref such as `INC-12` leads; `slug` is its prefix. None: there is none to see."""

    slug: str
    label: str
    find: Callable[[Actor, int | None, int], Target | None]


@dataclass(frozen=True, slots=True)
class KeyFinder:
    """Where a name leads that is no ref of the portal's own form, such as a work item's key
    (`bd-a1f`, `BD-4521`). Asked with what was typed, whole. None: there is none to see.
    `written` is how such names look in running text, where they become links: a pattern without
    groups, so narrow that ordinary words don't match it."""

    slug: str
    label: str
    find: Callable[[Actor, int | None, str], Target | None]
    written: str = ""


@dataclass(frozen=True, slots=True)
class PanelQuestion:
    """What a panel is asked for: a workspace (None: none is chosen), a time, values of dimensions
    such as `{"env": ("production",)}`."""

    workspace_id: int | None
    start: datetime
    end: datetime
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """What there is to draw. `chart` is a mapping for the chart kit; `columns` and `rows` are its
    numbers, for the table and the export; `verdict` says how it stands. All empty: no data."""

    chart: Mapping[str, Any] | None = None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    verdict: Verdict | None = None
    context: Mapping[str, Any] = field(default_factory=dict)  # for a template of its own


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel that an app puts on a dashboard of telemetry. One whose slug the dashboard has
    already, as something that is not there yet, takes that place; others stand at the end.
    `template` draws `context` where a chart and a table are not enough."""

    slug: str
    dashboard: str
    title: str
    action: str
    data: Callable[[PanelQuestion], PanelAnswer]
    template: str = ""
    order: int = 50
    about: str = ""
    size: Literal["third", "half", "full"] = "half"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """A key figure with what it was divided by. `value` None: nothing to tell it from."""

    value: float | None
    numerator: float | None = None
    denominator: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A key figure of a workspace: how it is computed, and what it should be. Only who may do
    `action` there sees it, wherever it is shown; `link` is the page that explains it. `parts`
    tells it with its two numbers; below `min_sample` of the lower one it is told but not judged.
    `version` counts changes of how it is computed, so that nobody compares two kinds of figures."""

    slug: str
    title: str
    unit: str
    formula: str  # in words, with the source of its numbers
    compute: Callable[[int, datetime, datetime], float | None]
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"
    cadence: timedelta = timedelta(days=1)
    link: str = ""
    action: str = "workspace.view"
    source: str = ""  # what has to be there before it can be told, in a few words
    parts: Callable[[int, datetime, datetime], Parts] | None = None
    group: Literal["business", "technical"] = "technical"
    min_sample: int = 0
    version: int = 1
    on_home: bool = True


@dataclass(frozen=True, slots=True)
class AuditRule:
    """A governance question over a workspace, asked regularly."""

    slug: str
    title: str
    check: Callable[[int], Verdict]
    severity: Literal["info", "warning", "critical"] = "warning"


@dataclass(frozen=True, slots=True)
class AgendaSection:
    slug: str
    meeting: str
    title: str
    items: Callable[[int, datetime, datetime], Sequence[Mapping[str, Any]]]
    order: int = 50


home_rows: Registry[HomeRow] = Registry("home_rows")
nav_items: Registry[NavItem] = Registry("nav_items")
banners: Registry[Banner] = Registry("banners")
palette_actions: Registry[PaletteAction] = Registry("palette_actions")
palette_verbs: Registry[PaletteVerb] = Registry("palette_verbs")
name_finders: Registry[NameFinder] = Registry("name_finders")
ref_finders: Registry[RefFinder] = Registry("ref_finders")
key_finders: Registry[KeyFinder] = Registry("key_finders")
panels: Registry[Panel] = Registry("panels")
kpis: Registry[Kpi] = Registry("kpis")
audit_rules: Registry[AuditRule] = Registry("audit_rules")
agenda: Registry[AgendaSection] = Registry("agenda")


def verdict(rule_slug: str, workspace_id: int) -> Verdict:
    """Ask one audit rule; a rule nobody registered is not applicable."""
    rule = audit_rules.get(rule_slug)
    return NOT_APPLICABLE if rule is None else rule.check(workspace_id)
