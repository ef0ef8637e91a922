"""The report of an incident: ten sections, for the house or for the public. One content, written
as Markdown, as HTML and as PDF."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.naming import name_of
from controlplane.approvals.export import Document, as_html, as_pdf
from controlplane.approvals.export.content import Block, clocked
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet, NotFound
from controlplane.notify.models import Notification
from incidents.models import Incident, IncidentReview
from incidents.records import levels
from incidents.reviews import checklist
from incidents.shown import clocks

INTERNAL, PUBLIC = "internal", "public"
EDITIONS = (INTERNAL, PUBLIC)
_MOST_NEWS = 100
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def as_markdown(made: Document) -> bytes:
    """Words of people stay words: nothing of them becomes a heading, a link or a table's end."""
    return ("\n\n".join([f"# {_plain(made.ref)} {_plain(made.title)}", f"_{made.status}_",
                         *map(_block, made.blocks)]) + "\n").encode()  # fmt: skip


_MARKS = re.compile(r"([\\`*_\[\]<>|#~])")


def _plain(said: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(said.split()))


def _prose(said: str) -> str:
    lines = [_MARKS.sub(r"\\\1", line.rstrip()) for line in said.split("\n")]
    return "\n".join(lines)


def _block(block: Block) -> str:
    if block.kind == "heading":
        return f"## {block.text}"
    if block.kind == "code":
        return "\n".join(f"    {line}" for line in block.text.split("\n"))
    if block.kind == "facts":
        return "\n".join(f"- **{_plain(name)}:** {_plain(value)}" for name, value in block.rows)
    if block.kind == "lines":
        return "\n".join(f"- {_plain(row[0])}" for row in block.rows)
    if block.kind == "table":
        head = [list(block.columns), ["---"] * len(block.columns)]
        rows = [*head, *([_plain(cell) for cell in row] for row in block.rows)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return _prose(block.text)


FORMS: Mapping[str, tuple[Callable[[Document], bytes], str]] = {
    "md": (as_markdown, "text/markdown; charset=utf-8"),
    "html": (as_html, "text/html; charset=utf-8"),
    "pdf": (as_pdf, "application/pdf"),
}


def handed_out(
    review: IncidentReview, *, actor: Actor, form: str, edition: str = INTERNAL
) -> tuple[str, bytes, str]:
    """(name of the file, its bytes, its type). The public edition is handed out once it is
    published and said to be public; each time stands in the log."""
    policy.require(actor, "incident.view", review)
    if form not in FORMS or edition not in EDITIONS:
        raise NotFound("There is no such report.")
    if edition == PUBLIC:
        missing = []
        if review.status != IncidentReview.Status.PUBLISHED:
            missing.append("Publish the review first.")
        if not review.is_public:
            missing.append("Say first that it may be read by the public.")
        if missing:
            raise GateNotMet(" ".join(missing), details={"conditions": missing})
    made = document(review, actor, edition)
    write, media = FORMS[form]
    written = write(made)
    record(actor, "incident.review", review.incident, details={"transition": "report"},
           after={"form": form, "edition": edition})  # fmt: skip
    return f"{review.incident.ref}-{edition}.{form}", written, media


def document(review: IncidentReview, actor: Actor, edition: str = INTERNAL) -> Document:
    row = review.incident
    say = _Said(review) if edition == PUBLIC else _whole
    found = _public(review) if edition == PUBLIC else _internal(review)
    blocks = clocked((_said(block, say) for block in found), row.workspace.time_zone)
    told = "Published" if review.published_at else "Draft"
    kind = "public edition" if edition == PUBLIC else "for internal use"
    return Document(
        ref=row.ref, title=say(row.title),
        status=f"{told}, {kind}",
        sha256=hashlib.sha256(repr(blocks).encode()).hexdigest(),
        made_at=clock.now(),
        made_by="the control plane" if edition == PUBLIC else name_of(actor),
        blocks=blocks,
        zone=row.workspace.time_zone,
    )  # fmt: skip


def public_blocks(review: IncidentReview) -> list[Block]:
    """What the public reads of what was learned."""
    say = _Said(review)
    found = (_said(block, say) for block in _public(review))
    return clocked(found, review.incident.workspace.time_zone)


def _whole(said: str) -> str:
    return said


class _Said:
    """What leaves the house names nobody: people and tenants are told by what they were."""

    def __init__(self, review: IncidentReview) -> None:
        row = review.incident
        ids = {
            getattr(row, f"{name}_id")
            for name in ("commander", "communications", "operations", "scribe", "acknowledged_by")
        }
        people = User.objects.filter(pk__in=[pk for pk in ids if pk is not None])
        names = {str(each.name) for each in people} | {
            line.partition(" (")[0] for line in review.attendees
        }
        names |= {
            str(name) for name in row.pages.filter(user__isnull=False).values_list(
                "user__name", flat=True)[:200]
        }  # fmt: skip
        words = {name: "a responder" for name in names if len(name) > 2}
        words.update({tenant: "a customer" for tenant in row.tenants if len(tenant) > 2})
        self.words = words
        longest = sorted(words, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest)), re.I) if longest else None

    def __call__(self, said: str) -> str:
        said = _ADDRESS.sub("an address", said)
        if self.pattern is None:
            return said
        lower = {name.lower(): word for name, word in self.words.items()}
        return self.pattern.sub(lambda found: lower[found.group().lower()], said)


def _said(block: Block, say: Callable[[str], str]) -> Block:
    rows = [[say(cell) for cell in row] for row in block.rows]
    return Block(block.kind, say(block.text), rows, block.columns)


# --- Sections -----------------------------------------------------------------------------------


def _internal(review: IncidentReview) -> Iterator[Block]:
    row = review.incident
    yield from _section("1. Summary", facts=_summary(row, public=False))
    yield from _section("2. Impact", facts=_impact(row, public=False), text=review.impact)
    yield from _section("3. Timeline", facts=_clocks(row), text=review.timeline)
    yield from _section("4. Root cause", facts=_cause(review))
    yield from _table("Five whys", ("Why", "Answer"), _whys(review))
    yield from _section("5. Remediation", lines=_remedies(review))
    yield from _section("6. What went well, and what is to be better",
                        facts=_both(review))  # fmt: skip
    yield from _table("7. Action items", ("What", "Kind", "Owner", "Due", "State"), [
        (f"{each.title} ({each.item.key})", each.get_kind_display(),
         str(each.owner.name or each.owner.email) if each.owner else "",
         f"{each.due_on:%Y-%m-%d}" if each.due_on else "", str(each.item.status))
        for each in review.actions.standing().select_related("owner", "item").order_by("pk")
    ], otherwise=review.no_actions)  # fmt: skip
    yield from _table("8. Communications sent", ("When", "What", "Words"), _news(row))
    yield from _section("9. Evidence", facts=_evidence(review))
    if review.tree:
        yield Block("code", review.tree)
    yield from _section("10. Approvals", facts=_approvals(review))
    yield from _table("Checklist", ("Point", "State", "Note"), [
        (point.label, "done" if point.done else "open", point.note)
        for point in checklist.of(review)
    ])  # fmt: skip


def _public(review: IncidentReview) -> Iterator[Block]:
    """The same ten, without names, tenants, internal items and evidence."""
    row = review.incident
    yield from _section("1. Summary", facts=_summary(row, public=True))
    yield from _section("2. Impact", facts=_impact(row, public=True), text=review.impact)
    yield from _section("3. Timeline", facts=_clocks(row))
    yield from _section("4. Root cause", facts=_cause(review))
    yield from _section("5. Remediation", facts=[("Mitigated", _at(row.mitigated_at)),
                                                 ("Restored", _at(row.restored_at))])  # fmt: skip
    yield from _section("6. What went well, and what is to be better", facts=_both(review))
    yield from _table("7. Action items", ("What", "Kind", "State"), [
        (each.title, each.get_kind_display(), "done" if each.item.is_closed else "open")
        for each in review.actions.standing().select_related("item").order_by("pk")
    ], otherwise=review.no_actions)  # fmt: skip
    yield from _section("8. Communications sent", facts=[
        ("Messages", str(len(_news(row))))
    ])  # fmt: skip
    yield from _section("9. Evidence", text="Kept, and not part of this edition.")
    yield from _section("10. Approvals", facts=[("Published", _at(review.published_at))])


def _section(
    title: str, *, facts: Any = (), lines: Any = (), text: str = ""
) -> Iterator[Block]:  # fmt: skip
    yield Block("heading", title)
    known = [(name, value) for name, value in facts if value]
    if known:
        yield Block("facts", rows=known)
    if text:
        yield Block("text", text)
    if lines:
        yield Block("lines", rows=[[line] for line in lines])
    if not known and not text and not lines:
        yield Block("text", "Nothing was said.")


def _table(title: str, columns: Any, rows: Any, *, otherwise: str = "") -> Iterator[Block]:
    yield Block("heading", title)
    if rows:
        yield Block("table", rows=rows, columns=columns)
    else:
        yield Block("text", otherwise or "None.")


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _summary(row: Incident, *, public: bool) -> list[tuple[str, str]]:
    level = levels.of(row.workspace_id).get(row.severity)
    end = row.resolved_at or row.closed_at
    began = row.started_at or row.detected_at
    found = [
        ("Incident", row.ref),
        ("Date", f"{began:%Y-%m-%d}"),
        ("Lasted", _span(end - began) if end else "not over"),
        ("Severity", level.title if level else row.severity),
        ("System", str(row.service or "")),
        ("Found by", row.get_origin_display()),
    ]
    if public:
        return found
    return [
        *found,
        ("Work item", row.item.key if row.item else ""),
        ("Commander", _name(row.commander)),
        ("Communications", _name(row.communications)),
        ("Summary", row.summary[:2_000]),
    ]


def _span(span: timedelta) -> str:
    minutes = max(round(span.total_seconds() / 60), 0)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _name(user: User | None) -> str:
    return str(user.name or user.email) if user is not None else ""


def _impact(row: Incident, *, public: bool) -> list[tuple[str, str]]:
    share = "" if row.impact_percent is None else f"{row.impact_percent} %"
    found = [("Share of users", share), ("Symptoms", row.symptoms)]
    if public:
        return found
    return [
        ("Tenants", ", ".join(row.tenants)), *found,
        ("Customers noticed", "yes" if row.customer_facing else "no"),
        ("Data at risk", "yes" if row.data_at_risk else ""),
        ("A legal matter", "yes" if row.legal_matter else ""),
        ("Promises missed", ", ".join(_missed(row))),
    ]  # fmt: skip


def _missed(row: Incident) -> list[str]:
    level = levels.of(row.workspace_id).get(row.severity)
    return [each.label for each in clocks.of(row, level) if each.is_missed] if level else []


def _clocks(row: Incident) -> list[tuple[str, str]]:
    return [
        ("Began", _at(row.started_at)), ("Detected", _at(row.detected_at)),
        ("Acknowledged", _at(row.first_acknowledged_at)), ("Triaged", _at(row.triaged_at)),
        ("Mitigation began", _at(row.mitigation_started_at)),
        ("Mitigated", _at(row.mitigated_at)), ("Restored", _at(row.restored_at)),
        ("Resolved", _at(row.resolved_at)),
    ]  # fmt: skip


def _cause(review: IncidentReview) -> list[tuple[str, str]]:
    return [
        ("Root cause", review.incident.root_cause), ("Trigger", review.trigger),
        ("Contributing factors", review.factors), ("Gaps in detection", review.gaps),
    ]  # fmt: skip


def _whys(review: IncidentReview) -> list[tuple[str, str]]:
    return [(each["why"], each["answer"]) for each in review.whys]


def _remedies(review: IncidentReview) -> list[str]:
    """During it, as the log tells; after it, what the review decided."""
    kept = AuditEvent.objects.filter(
        subject_ref=subject_ref(review.incident), outcome="done", action="incident.mitigate"
    )
    during = [
        f"{_at(event.at)}: {event.reason or 'begun'} ({event.actor_label})"
        for event in kept.order_by("pk")[:50]
    ]
    after = [f"After it: {each.title}" for each in review.actions.standing().order_by("pk")]
    return [*during, *after]


def _both(review: IncidentReview) -> list[tuple[str, str]]:
    return [("Went well", review.went_well), ("To be better", review.to_improve),
            ("Lessons", review.lessons)]  # fmt: skip


def _news(row: Incident) -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(about=subject_ref(row), workspace=row.workspace_id)
    return [
        (_at(each.created_at), each.kind, " ".join(each.subject.split())[:200])
        for each in rows.order_by("pk")[:_MOST_NEWS]
    ]


def _evidence(review: IncidentReview) -> list[tuple[str, str]]:
    row = review.incident
    links = row.item.links.order_by("pk")[:50] if row.item is not None else []
    snapshot = review.snapshot
    return [
        ("Alerts", f"{row.alert_count:,}" if row.alert_count else ""),
        ("Files and links", "; ".join(str(each) for each in links)),
        ("Figures", f"snapshot {snapshot.uid}, {_at(snapshot.starts_at)} to {_at(snapshot.ends_at)}"
         if snapshot is not None else ""),
        ("Documentation", review.documents),
        ("Tree of its work", f"as of {_at(review.tree_at)}" if review.tree_at else ""),
    ]  # fmt: skip


def _approvals(review: IncidentReview) -> list[tuple[str, str]]:
    found = [
        ("Visibility", "public" if review.is_public else "internal"),
        ("Attendees", ", ".join(review.attendees)),
        ("Published", _at(review.published_at)),
    ]
    request = review.approval
    if request is None:
        return [*found, ("Signatures", "none was asked for")]
    signed = [
        (slot.title, f"{decision.get_verdict_display()} by {_name(decision.person)}, "
         f"{_at(decision.decided_at)}")
        for slot in request.slots.order_by("position")
        for decision in slot.decisions.select_related("person").order_by("pk")
    ]  # fmt: skip
    return [*found, ("Signatures", request.get_status_display()), *signed]
