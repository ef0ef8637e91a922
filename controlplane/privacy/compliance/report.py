"""A period as a document: every control, what was demanded of it, what shows it, what is missing.
One content, written as HTML and as PDF by whatever writes the portal's documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.access.naming import name_of, names_of
from controlplane.access.policy import role_label
from controlplane.approvals.export import Document
from controlplane.approvals.export.content import Block, clocked
from controlplane.jobs.obligations import workspace_zone
from controlplane.lib.actors import Actor
from controlplane.privacy.compliance import standing
from controlplane.privacy.compliance.periods import Span
from controlplane.privacy.compliance.readings import Shown
from controlplane.privacy.compliance.standing import WORDS, Cell

UNASKED = "Not asked then"


@dataclass(frozen=True, slots=True)
class Made:
    document: Document
    figures: dict[str, int]


def document(
    workspace: Workspace, actor: Actor, span: Span, *, ref: str, made_at: datetime
) -> Made:
    rows = standing.of_period(workspace, actor, span)
    asked = [row for row in rows if not row.before]
    counted = {**standing.figures(asked), "unasked": len(rows) - len(asked)}
    summary = _summary(counted)
    names = names_of({file.added_by for row in rows for file in row.files})
    found = _blocks(workspace, span, rows, summary, names, made_at)
    blocks = clocked(found, workspace.time_zone)
    told = Document(
        ref=ref,
        title=f"Compliance of {workspace.name}, {span.name}",
        status=f"Controls: {summary}.",
        sha256=hashlib.sha256(repr(blocks).encode()).hexdigest(),
        made_at=made_at,
        made_by=name_of(actor),
        blocks=blocks,
        zone=workspace.time_zone,
    )
    return Made(told, counted)


def _summary(counted: dict[str, int]) -> str:
    said = []
    titles = {str(state): words for state, words in WORDS.items()} | {"unasked": UNASKED}
    for state, number in counted.items():
        words = titles[state].lower()
        if state == "not_applicable" and number != 1:
            words = "do not apply"
        if number:
            said.append(f"{number} {words}")
    return ", ".join(said)


def _words(row: Cell) -> str:
    """As the board says it: what nothing was asked of is no exception that somebody made."""
    return UNASKED if row.before else row.words


def _blocks(
    workspace: Workspace, span: Span, rows: Sequence[Cell], summary: str,
    names: dict[str, str], made_at: datetime,
) -> Iterator[Block]:  # fmt: skip
    zone = workspace_zone(workspace)
    yield Block(
        "facts",
        rows=[
            ("Workspace", workspace.name),
            ("Period", f"{span.name}: {span.start.astimezone(zone):%Y-%m-%d} up to and without "
             f"{span.end.astimezone(zone):%Y-%m-%d}, {workspace.time_zone}"),
            ("As it stood", f"{made_at:%Y-%m-%d %H:%M} UTC"
             + ("" if span.end <= made_at else "; the period is not over")),
            ("Controls", f"{summary}."),
        ],
    )  # fmt: skip
    yield Block("heading", "Overview")
    yield Block(
        "table",
        rows=[(row.control.title, row.span.name, _words(row), row.why) for row in rows],
        columns=("Control", "Period", "State", "Why"),
        links=[page_of(row) for row in rows],
    )
    open_ = [row for row in rows if row.state in {"missing", "due"}]
    if open_:
        yield Block("heading", "What is not there")
        yield Block(
            "lines",
            rows=[
                [f"{row.control.title}, {row.span.name}: {row.why} Owed by "
                 f"{role_label(row.control.owner_role)}."]
                for row in open_
            ],
        )  # fmt: skip
    for row in rows:
        if row.state != "ahead":
            yield from _control(row, names)


def _control(row: Cell, names: dict[str, str]) -> Iterator[Block]:
    yield Block("heading", f"{row.control.title}, {row.span.name}: {_words(row).lower()}")
    yield Block("text", row.control.about)
    facts = [
        ("Owner", role_label(row.control.owner_role)),
        ("Answers to", "; ".join(row.control.standards)),
    ]
    if row.scope is not None:
        said = "It applies" if row.scope.applies else "It does not apply"
        facts.append(("Scope", f"{said}: {row.scope.reason}"))
    yield Block("facts", rows=[fact for fact in facts if fact[1]])
    if row.told:
        yield Block(
            "table",
            rows=[
                (one.demand.title, WORDS[one.reading.state], one.reading.text) for one in row.told
            ],
            columns=("What is demanded", "State", "What was found"),
            links=[_absolute(one.reading.url) for one in row.told],
        )
    shown = [each for one in row.told for each in one.reading.shown]
    if shown:
        yield Block(
            "table",
            rows=[(each.title, _at(each.at), _where(each)) for each in shown],
            columns=("Shown by", "When", "Where"),
            links=[_absolute(each.url) for each in shown],
        )
    if row.files:
        yield Block(
            "table",
            rows=[
                (file.title, names.get(file.added_by, file.added_by), _at(file.added_at),
                 file.sha256)
                for file in row.files
            ],
            columns=("File", "Added by", "When", "SHA-256"),
            links=[
                _absolute(reverse("compliance:file", args=[file.uid])) for file in row.files
            ],
        )  # fmt: skip


def page_of(row: Cell) -> str:
    return _absolute(reverse("compliance:control", args=[row.control.slug, row.span.name]))


def _absolute(url: str) -> str:
    return f"{settings.PUBLIC_URL}{url}" if url.startswith("/") else url


def _where(each: Shown) -> str:
    """On paper a link leads nowhere: its path is written out."""
    return each.url


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else ""
