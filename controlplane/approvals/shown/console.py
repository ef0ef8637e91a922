"""What approvals hand to the console's shared parts: sidebar, home, palette, refs, slots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.urls import reverse

from controlplane.access import policy
from controlplane.approvals import signing, talk
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.shown import words
from controlplane.approvals.signing import Way
from controlplane.audit.refs import subject_ref
from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    HomeRow,
    NavCount,
    NavItem,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item

SHOWN = 8
FOUND = 6
MOST_COUNTED = 99
CAME_BACK = timedelta(days=7)
VIEW = "approval.view"
# Apps whose rows are asked about; of others nobody looks.
ASKING = frozenset({"feature_flags", "deployments", "missions", "incidents"})


def _here(actor: Actor, workspace_id: int | None) -> Any:
    rows = Request.objects.visible_to(actor).defer("packet_text")
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def _mine(actor: Actor, workspace_id: int | None) -> Any:
    return _here(actor, workspace_id).waiting_for(actor)


def _turn(actor: Actor, workspace_id: int | None, ways: Sequence[Way] | None = None) -> Any:
    """What this person may sign now; and what they asked for and was sent back or ran out. One
    question, for the home page asks many."""
    sent_back = _here(actor, workspace_id).filter(
        requested_by_ref=actor.ref,
        status__in=["changes_requested", "rejected", "expired"],
        closed_at__gte=clock.now() - CAME_BACK,
        successor=None,
    )
    signable = _here(actor, workspace_id).waiting_for(actor, ways)
    # Each by its own index: "or" of the two would read every question that was ever asked.
    either = signable.order_by().values("pk").union(sent_back.order_by().values("pk"))
    return _here(actor, workspace_id).filter(pk__in=either)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """What is open first, the longest waiting before the others."""
    ways = signing.ways_of(actor)
    if any(way.delegation for way in ways):  # what was lent is one's own
        return [_waiting(row) for row in _first(actor, workspace_id, ways)]
    return [_waiting(row) for row in _FIRST.rows(actor, workspace_id)]


def _first(actor: Actor, workspace_id: int | None, ways: Sequence[Way]) -> Any:
    rows = _turn(actor, workspace_id, ways)
    return rows.order_by(F("closed_at").asc(nulls_first=True), "requested_at")[:SHOWN]


_FIRST: ForReader[Request] = ForReader(
    lambda actor, workspace_id: _first(actor, workspace_id, signing.own_ways_of(actor))
)


def _waiting(row: Request) -> Waiting:
    if not row.is_open:
        return Waiting(
            title=words.lookup(row),
            url=words.request_url(row),
            text="You asked for it",
            state=row.get_status_display().lower(),
            tone="warn",
            since=row.closed_at,
            mine=True,
        )
    pace = row.pace()
    return Waiting(
        title=words.lookup(row),
        url=words.request_url(row),
        text=str(row.policy_snapshot.get("name", "")),
        state={"fresh": "to sign", "ageing": "ageing", "late": "late"}[pace],
        tone=words.PACE_TONES[pace],
        due=row.due_at,
        mine=True,
    )


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_turn(actor, workspace_id).order_by()[:MOST_COUNTED].count())


def last_signed(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = Decision.objects.visible_to(actor).by(actor.user_id).order_by("-id")
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    return rows.values_list("decided_at", flat=True)


def _nav_count(actor: Actor, workspace_id: int | None) -> NavCount:
    """Red while one of them is late, amber while one ages."""
    rows = _mine(actor, workspace_id)
    found = list(rows.only("due_at", "requested_at", "closed_at", "policy_snapshot")[:MOST_COUNTED])
    paces = {row.pace() for row in found}
    tone: Any = "bad" if "late" in paces else "warn" if "ageing" in paces else "neutral"
    return NavCount(len(found), tone)


# --- Palette ----------------------------------------------------------------------------------


def _target(row: Request, url: str = "") -> Target:
    return Target(words.lookup(row), url or words.request_url(row), row.get_status_display())


def _typed(rows: Any, text: str) -> Any:
    return finding.typed(rows, text, "APR", "title", field="number")[:FOUND]


def signable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _typed(_mine(actor, workspace_id).oldest_first(), text)
    return [_target(row, words.decide_url(row)) for row in rows]


def lendable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _typed(_mine(actor, workspace_id).oldest_first(), text)
    return [_target(row, reverse("approvals:delegate", args=(row.uid,))) for row in rows]


def withdrawable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _here(actor, workspace_id).open().filter(requested_by_ref=actor.ref).oldest_first()
    return [
        _target(row, reverse("admin:approvals_request_button", args=(row.uid, "withdraw")))
        for row in _typed(rows, text)
    ]


# --- Pages of other rows ------------------------------------------------------------------------


def approvals_of(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item, or of what consent was asked for."""
    if isinstance(obj, Item):
        rows = kept.seen(actor, lambda actor, item: _newest(actor, Q(item_id=item)), obj.pk)
    elif obj._meta.app_label in ASKING:
        rows = kept.seen(actor, lambda actor, ref: _newest(actor, Q(subject=ref)), subject_ref(obj))
    else:
        return None
    found = [
        row_slots.RelatedRow(
            title=row.title,
            url=words.request_url(row),
            state=row.get_status_display(),
            note=f"{row.ref}, asked",
            at=row.requested_at,
        )
        for row in rows
    ]
    return found or None


def _newest(actor: Actor, which: Q) -> QuerySet[Request]:
    rows = Request.objects.visible_to(actor).filter(which)
    return rows.defer("packet_text").order_by("-id")[: row_slots.MOST]


def comment_box(actor: Actor, obj: Any) -> row_slots.CommentBox | None:
    """What is said about a request is said of its work item, where everybody follows it; without
    one, of the request."""
    if not isinstance(obj, Request):
        return None
    if obj.item is None:
        decision = policy.can(actor, "approval.comment", obj)
        return row_slots.CommentBox(
            url=reverse("approvals:comment", args=(obj.uid,)),
            refusal="" if decision else f"Commenting: {decision.reason}.",
            hint="Whoever asked, signed or may sign is told. It stays, and stands in exports.",
        )
    decision = policy.can(actor, "work.comment", obj.item)
    return row_slots.CommentBox(
        url=reverse("work:comment", args=(obj.item.uid,)),
        refusal="" if decision else f"Commenting: {decision.reason}.",
        hint=f"It stands on {obj.item.key}; whoever follows that is told.",
    )


def comments(actor: Actor, obj: Any, most: int) -> Sequence[dict[str, Any]]:
    """What people said; what the portal notes on the item stands in the history already."""
    return [
        {"at": one.at, "who": one.shown, "body": one.text, "source": one.source,
         "icon": "mail"}
        for one in talk.about(obj, actor, most, before=True)
    ]  # fmt: skip


# slug, label, group, URL name, icon, order, key
ENTRIES: tuple[tuple[str, str, str, str, str, int, str], ...] = (
    ("approvals", "Approvals", "Operate", "admin:approvals_request_changelist", "check", 5, "a"),
    ("signatures", "Signatures", "Govern", "admin:approvals_decision_changelist", "edit", 114, ""),
    ("delegations", "Delegations", "Govern", "admin:approvals_delegation_changelist", "users", 115,
     ""),
    ("approval-policies", "Approval policies", "Govern", "admin:approvals_policy_changelist",
     "target", 116, ""),
)  # fmt: skip


def register() -> None:
    for slug, label, group, url, icon, order, key in ENTRIES:
        count = _nav_count if slug == "approvals" else None
        nav_items.register(NavItem(slug, label, group, url, icon, VIEW, order, key, count))
    queue = "/admin/approvals/request/"
    home_rows.register(
        HomeRow(
            slug="approvals.mine",
            title="Approvals, your turn",
            action=VIEW,
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="nothing waits for your signature, and nothing you asked for came back.",
            link=f"{queue}?queue=mine",
            order=15,
            last=last_signed,
            then="You last signed",
        )
    )
    for verb_slug, verb, label, action, find in (
        ("approval-decide", "approve", "Decide", "approval.sign", signable),
        ("approval-delegate", "delegate", "Delegate", "approval.delegate", lendable),
        ("approval-withdraw", "withdraw", "Withdraw", "approval.withdraw", withdrawable),
    ):
        palette_verbs.register(
            PaletteVerb(verb_slug, verb, "APR-n", label, action, find, noun="approval")
        )
    palette_actions.register(
        PaletteAction(
            "approvals-away",
            "New approval delegation",
            "admin:approvals_delegation_add",
            "approval.delegate",
            ("absence", "away", "holiday", "delegate", "sign for me"),
        )
    )
    ref_finders.register(finding.by_ref("APR", "approval", _here, _target, field="number"))
    row_slots.comment_doors.register(row_slots.CommentDoor("approvals.item", comment_box, comments))
    row_slots.links.register(row_slots.RowSource("approvals.about", approvals_of))
