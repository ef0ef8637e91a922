"""What a demand answers of a period, and the ways most demands are read.

A reader answers all the periods it is asked of at once: a page of a year costs a question or two
for each demand, however many of its cells it fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base import registries
from controlplane.base.admin.linking import list_url, url_of
from controlplane.jobs.models import Obligation, ObligationRecord
from controlplane.lib.actors import Actor
from controlplane.privacy.compliance.periods import Span
from controlplane.privacy.models import ControlEvidence

State = Literal["met", "due", "missing", "not_applicable", "ahead"]
MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Shown:
    """A row that shows it, with its page where the reader may open it."""

    title: str
    url: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How a demand stands in one period: its state, what was found, where to look."""

    state: State
    text: str
    url: str = ""
    due: datetime | None = None
    shown: Sequence[Shown] = ()


@dataclass(slots=True)
class Asked:
    """Who asks, of which workspace, about which periods. What several demands read is kept."""

    workspace: Workspace
    actor: Actor
    spans: Sequence[Span]
    now: datetime
    _whole: tuple[datetime, datetime] | None = None
    _kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self._whole is None:
            self._whole = (
                min(span.start for span in self.spans), max(span.end for span in self.spans)
            )  # fmt: skip

    @property
    def start(self) -> datetime:
        """Of everything that is asked, however it was narrowed: it is read once."""
        assert self._whole is not None
        return self._whole[0]

    @property
    def end(self) -> datetime:
        assert self._whole is not None
        return self._whole[1]

    def narrowed(self, spans: Sequence[Span]) -> Asked:
        """The same question about some of the periods."""
        return Asked(self.workspace, self.actor, spans, self.now, self._whole, self._kept)

    def link(self, row: Model | None) -> str:
        """The page of a row, where it is one of those that whoever asks may open."""
        return url_of(row, self.actor)

    def list(self, model: type[Model], query: str = "") -> str:
        action = getattr(admin.site._registry.get(model), "view_action", "")
        return list_url(model, query) if action and self._may(action) else ""

    def page(self, name: str, action: str, *args: str) -> str:
        return reverse(name, args=args) if self._may(action) else ""

    def _may(self, action: str) -> bool:
        return policy.can(self.actor, action, self.workspace).allowed

    def kept(self, name: str, read: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = read()
        return self._kept[name]


# A period that a reader leaves out is one it can say nothing of.
Reader = Callable[[Asked], Mapping[str, Reading]]


def lacking(span: Span, now: datetime, text: str, url: str = "", due: datetime | None = None,
            shown: Sequence[Shown] = ()) -> Reading:  # fmt: skip
    """It is not there: still to come while the period runs, missing once it is over."""
    by = due or span.end
    return Reading("missing" if by <= now else "due", text, url, by, shown)


def told(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def first(rows: Iterable[Shown]) -> list[Shown]:
    """Those that lead somewhere: what whoever asks may not open is counted and not named."""
    return [row for row in rows if row.url][:MOST_SHOWN]


def key(span: Span, what: str = "all") -> str:
    """What a figure of this period is called in a question about several."""
    return f"{what}_{span.name.replace('-', '_')}"


# --- The usual ways -----------------------------------------------------------------------------


def duty(slug: str) -> Reader:
    """By the records of a recurring obligation: each recorded, and signed where that is asked."""

    def read(asked: Asked) -> Mapping[str, Reading]:
        owed = _duties(asked).get(slug)
        if owed is None:
            return {}
        url = asked.list(ObligationRecord, f"view=all&q={slug}")
        rows = [row for row in _records(asked) if row.obligation_id == owed.pk]
        return {
            span.name: found
            for span in asked.spans
            if (found := _of_duty(asked, span, owed, rows, url)) is not None
        }

    return read


def _duties(asked: Asked) -> dict[str, Obligation]:
    rows = Obligation.objects.filter(workspace=asked.workspace)
    found: dict[str, Obligation] = asked.kept("duties", lambda: {row.slug: row for row in rows})
    return found


def _records(asked: Asked) -> list[ObligationRecord]:
    """Of the whole year at once: most demands ask for some of them."""
    rows = ObligationRecord.objects.filter(
        workspace=asked.workspace, starts_at__lt=asked.end, due_at__gt=asked.start
    )
    rows = rows.select_related("recorded_by", "signed_by").order_by("due_at", "id")
    found: list[ObligationRecord] = asked.kept("records", lambda: list(rows))
    return found


def _of_duty(
    asked: Asked, span: Span, owed: Obligation, rows: Sequence[ObligationRecord], url: str
) -> Reading | None:
    # The period a record is of ends within this one: a week over the turn counts where it ends.
    mine = [row for row in rows if span.start < row.due_at <= span.end]
    if not mine:
        if span.holds(asked.now) and owed.active:
            return Reading("due", "It is owed by the end of the period.", url, span.end)
        return None
    done = [row for row in mine if row.status == ObligationRecord.Status.COMPLETE]
    late = [row for row in mine if row not in done and row.due_at <= asked.now]
    shown = first(
        Shown(f"{row.ref} {row.period}: {_said(row)}", asked.link(row), row.signed_at or
              row.recorded_at or row.due_at)
        for row in reversed(mine)
    )  # fmt: skip
    text = f"{len(done)} of {len(mine)} recorded" if len(mine) > 1 else _sentence(_said(mine[0]))
    if late and owed.active:
        # Late is late for good only once its period of ours is over: until then it can be done.
        return lacking(span, asked.now, f"{text}; {len(late)} overdue" if len(mine) > 1 else text,
                       url, shown=shown)  # fmt: skip
    waiting = [row for row in mine if row not in done]
    if waiting and owed.active:
        # Of what comes back each week, the week that runs takes nothing from those that are done.
        state: State = "met" if done else "due"
        return Reading(state, f"{text} so far" if done else text, url, waiting[0].due_at, shown)
    if waiting:
        return Reading("not_applicable", "It is switched off here.", url, shown=shown)
    return Reading("met", text, url, shown=shown)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _said(row: ObligationRecord) -> str:
    if row.status == ObligationRecord.Status.DUE:
        return "not recorded yet"
    who = row.recorded_by.name or row.recorded_by.email if row.recorded_by else "somebody"
    if row.signed_by is not None:
        return f"recorded by {who}, signed by {row.signed_by.name or row.signed_by.email}"
    if row.status == ObligationRecord.Status.RECORDED:
        return f"recorded by {who}, waiting for the second signature"
    return f"recorded by {who}"


def rule(slug: str) -> Reader:
    """By a rule that an app registered: it says how things stand now, nothing of the past."""

    def read(asked: Asked) -> Mapping[str, Reading]:
        current = [span for span in asked.spans if span.holds(asked.now)]
        if not current:
            return {}
        found = registries.verdict(slug, asked.workspace.pk)
        states: dict[str, State] = {
            "ok": "met", "attention": "due", "failing": "missing",
            "not_applicable": "not_applicable",
        }  # fmt: skip
        return {
            span.name: Reading(states[found.status], found.text, found.link) for span in current
        }

    return read


def files(control: str, what: str) -> Reader:
    """By a file that somebody added: nothing in the portal could show it otherwise."""

    def read(asked: Asked) -> Mapping[str, Reading]:
        found: dict[str, Reading] = {}
        for span in asked.spans:
            mine = (control, span.name)
            rows = [row for row in evidence(asked) if (row.control, row.period) == mine]
            if rows:
                shown = first(Shown(row.title, asked.link(row), row.added_at) for row in rows)
                found[span.name] = Reading("met", f"{told(len(rows), 'file')} added.", shown=shown)
            else:
                found[span.name] = lacking(span, asked.now, f"{what} is not added yet.")
        return found

    return read


def evidence(asked: Asked) -> list[ControlEvidence]:
    """Files in force of every control, of the years that are asked about."""
    years = {asked.start.year, asked.end.year, *(int(span.name[:4]) for span in asked.spans)}
    rows = ControlEvidence.objects.filter(workspace=asked.workspace).in_force()
    rows = rows.filter(period__regex=rf"^({'|'.join(map(str, sorted(years)))})").order_by("-id")
    found: list[ControlEvidence] = asked.kept("files", lambda: list(rows))
    return found
