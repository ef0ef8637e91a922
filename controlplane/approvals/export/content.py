"""What stands in the document, in order, whatever it is written as."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from controlplane.access.naming import name_of
from controlplane.access.policy import role_label
from controlplane.approvals import diffing, owners, talk
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.shown import packet as packets
from controlplane.approvals.shown import people, words
from controlplane.audit import words as words_of_log
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock, moments
from controlplane.lib.actors import Actor

MOST_EVENTS = 500
Kind = Literal["heading", "text", "facts", "lines", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    kind: Kind
    text: str = ""
    rows: Sequence[Sequence[str]] = ()  # facts: (name, value); table: cells under `columns`
    columns: Sequence[str] = ()
    links: Sequence[str] = ()  # table: where the first cell of each row leads; "" is nowhere

    def link(self, number: int) -> str:
        return self.links[number] if number < len(self.links) else ""

    @property
    def linked(self) -> Sequence[tuple[str, Sequence[str]]]:
        return [(self.link(number), row) for number, row in enumerate(self.rows)]


@dataclass(frozen=True, slots=True)
class Document:
    ref: str
    title: str
    status: str
    sha256: str
    made_at: datetime
    made_by: str
    blocks: Sequence[Block]
    zone: str = "UTC"  # by whose clock its times are told

    @property
    def made_when(self) -> str:
        return moments.by_clock(at(self.made_at), self.zone)

    @property
    def filename(self) -> str:
        return f"{self.ref}-{self.sha256[:12]}"


def document(request: Request, actor: Actor) -> Document:
    return Document(
        ref=request.ref,
        title=request.title,
        status=request.get_status_display(),
        sha256=request.sha256,
        made_at=clock.now(),
        made_by=name_of(actor),
        blocks=clocked(_blocks(request, actor), request.workspace.time_zone),
        zone=request.workspace.time_zone,
    )


def clocked(blocks: Iterable[Block], zone: str) -> list[Block]:
    """With their times by the clock of the workspace, which they name: a document says the same
    whoever has it made. The text that is signed stays as it was signed."""

    def told(text: str) -> str:
        return moments.by_clock(text, zone)

    return [
        block
        if block.kind == "code"
        else replace(
            block, text=told(block.text), rows=[tuple(map(told, row)) for row in block.rows]
        )
        for block in blocks
    ]


def at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else ""


def _blocks(request: Request, actor: Actor) -> Iterator[Block]:
    yield Block("facts", rows=[(name, value) for name, value in _facts(request) if value])
    yield from _packet(request)
    yield from _difference(request)
    yield from _signatures(request)
    yield from _talk(request, actor)
    yield from _history(request, actor)
    yield Block("heading", "The text that is signed")
    yield Block(
        "text",
        "SHA-256 of exactly these characters, in UTF-8, without a line's end after them: "
        f"{request.sha256}",
    )
    yield Block("code", request.packet_text)


def _facts(request: Request) -> Iterator[tuple[str, str]]:
    yield "Reference", request.ref
    yield "State", request.get_status_display()
    yield "Workspace", request.workspace.name
    yield (
        "Policy",
        f"{request.policy_snapshot['name']}, version {request.policy_snapshot['version']}",
    )
    yield "About", request.subject
    yield "Work item", request.item.key if request.item is not None else ""
    yield "Asked by", requester(request)
    yield "First asked", at(request.requested_at)
    yield "Revision", f"{request.revision}, asked {at(request.asked_at)}"
    yield "Answer due", at(request.due_at)
    yield "Expires", at(request.expires_at) if request.is_open else ""
    yield "Decided", at(request.decided_at)
    yield "Closed", at(request.closed_at) if request.decided_at is None else ""
    yield "Why it closed", request.reason
    yield "SHA-256", request.sha256


def requester(request: Request) -> str:
    user = request.requested_by
    if user is None:
        return request.requested_by_name or request.requested_by_ref
    return f"{user.name} <{user.email}>" if user.name else str(user.email)


# --- The packet -------------------------------------------------------------------------------


def _packet(request: Request) -> Iterator[Block]:
    packet = people.spelled(request.packet, people.names_in(request))
    read = packets.read(packet, owners.sections(request), owners.terms(request))
    if read.what is not None:
        yield Block("heading", "What will happen")
        yield from _value(read.what)
    if read.changes:
        yield Block("heading", "What changes")
        yield _changes(read.before, read.after)
    for section in read.sections:
        yield Block("heading", section.title)
        yield from _value(section.shown)
    if read.evidence:
        yield Block("heading", "Evidence")
        yield Block(
            "lines",
            rows=[
                [" ".join(filter(None, (file["name"], file["url"], file["sha256"])))]
                for file in read.evidence
            ]
            + _more(read.more_evidence),
        )
    if read.details:
        yield Block("heading", "Details")
        yield Block("facts", rows=[(name, _cell(value)) for name, value in read.details])


def _value(shown: packets.Shown) -> Iterator[Block]:
    if shown.kind in {"text", "line", "moment", "person"}:
        yield Block("text", shown.text)
    elif shown.kind == "lines":
        yield Block("lines", rows=[[line] for line in shown.lines] + _more(shown.more))
    elif shown.kind == "facts":
        yield Block("facts", rows=[(name, _cell(value)) for name, value in shown.facts])
    elif shown.kind == "entries":
        rows = [[_entry(entry)] for entry in shown.entries]
        yield Block("lines", rows=rows + _more(shown.more))
    else:
        yield Block("code", _json(shown.value))


def _more(number: int) -> list[list[str]]:
    """What is not shown is told: nobody must take a part for the whole."""
    return [[f"and {number:,} more: they are in the text that is signed"]] if number else []


def _entry(entry: packets.Entry) -> str:
    facts = "; ".join(f"{name}: {_one_line(value)}" for name, value in entry.facts)
    grave = f"({entry.severity})" if entry.severity else ""
    head = " ".join(filter(None, (entry.title, grave)))
    return ". ".join(filter(None, (head, entry.text, facts)))


def _cell(shown: packets.Shown) -> str:
    """Beside its name: several are one below the other, as people read them."""
    more = [line for [line] in _more(shown.more)]
    if shown.kind == "lines":
        return "\n".join([*shown.lines, *more])
    if shown.kind == "facts":
        return "\n".join(f"{name}: {_one_line(value)}" for name, value in shown.facts)
    if shown.kind == "entries":
        return "\n".join([*(_entry(entry) for entry in shown.entries), *more])
    return _one_line(shown)


def _one_line(shown: packets.Shown) -> str:
    if shown.kind in {"text", "line", "moment", "person"}:
        return shown.text
    if shown.kind == "lines":
        return ", ".join(shown.lines)
    if shown.kind == "facts":
        return "; ".join(f"{name}: {_one_line(value)}" for name, value in shown.facts)
    if shown.kind == "entries":
        return "; ".join(_entry(entry) for entry in shown.entries)
    return _json(shown.value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _changes(before: Any, after: Any) -> Block:
    rows = [
        (change["path"] or "value", _side(change["before"]), _side(change["after"]))
        for change in diffing.diff(before, after)
    ]
    return Block("table", rows=rows, columns=("Field", "Before", "After"))


def _side(value: Any) -> str:
    return "" if value is None else packets.plain(value)


def _difference(request: Request) -> Iterator[Block]:
    previous = request.supersedes
    if previous is None:
        return
    yield Block("heading", f"Changed since revision {previous.revision} ({previous.ref})")
    yield _changes(previous.packet, request.packet)


# --- Who signed, what happened ----------------------------------------------------------------


def _signatures(request: Request) -> Iterator[Block]:
    yield Block("heading", "Signatures")
    rows = request.decisions.select_related("person", "delegated_from", "slot").order_by("id")
    signed = [_signature(decision) for decision in rows]
    if signed:
        columns = ("Slot", "Who", "Answer", "When", "Comment")
        yield Block("table", rows=signed, columns=columns)
    missing = [
        f"{slot.title}: {slot.needed - slot.signed} more of {words.roles_words(slot.roles)}"
        for slot in request.slots.order_by("position")
        if not slot.is_full
    ]
    if missing:
        yield Block("text", "Not given:")
        yield Block("lines", rows=[[line] for line in missing])


def _signature(decision: Decision) -> tuple[str, ...]:
    who = decision.person.name or decision.person.email
    if decision.delegated_from is not None:
        who += f" for {decision.delegated_from.name or decision.delegated_from.email}"
    role = "break-glass" if decision.break_glass else role_label(decision.as_role)
    who += f" ({role})"
    answer = words.given(decision)
    return decision.slot.title, who, answer, at(decision.decided_at), decision.comment


def _talk(request: Request, actor: Actor) -> Iterator[Block]:
    """In the order it was said."""
    said = talk.about(request, actor)
    if not said:
        return
    yield Block("heading", "Comments")
    rows = [(at(one.at), one.author, one.text, one.on) for one in reversed(said)]
    yield Block("table", rows=rows, columns=("When", "Who", "What", "On"))


def _history(request: Request, actor: Actor) -> Iterator[Block]:
    events = AuditEvent.objects.visible_to(actor).about(request).order_by("id")[:MOST_EVENTS]
    rows = [
        (at(event.at), event.actor_label, words_of_log.phrase(event), event.reason)
        for event in events
    ]
    if rows:
        yield Block("heading", "History")
        yield Block("table", rows=rows, columns=("When", "Who", "What", "Why"))
