"""What audits, gaps and key figures hand to the console's shared parts: sidebar, home, palette,
and the cards of rows that stand for one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.urls import reverse

from controlplane.base import row_slots
from controlplane.base.registries import (
    HomeRow,
    NavItem,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    kpis,
    nav_items,
    palette_actions,
    palette_verbs,
)
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item
from controlplane.work.shown.words import item_url, state_of
from telemetry.audits.gaps import LABEL as GAP_LABEL
from telemetry.audits.kinds import RULES
from telemetry.kpis.rows import LABEL as KPI_LABEL
from telemetry.models import Gap, KpiValue
from telemetry.shown.audits import gap_url

VIEW, AUDIT = "telemetry.view", "telemetry.audit"
FOUND = 6
FETCHED = 50
# slug, label, URL name, icon, order
ENTRIES: tuple[tuple[str, str, str, str, int], ...] = (
    ("kpi-board", "KPI board", "telemetry:kpi_board", "target", 140),
    ("telemetry-audits", "Telemetry audits", "admin:telemetry_auditrun_changelist", "eye", 142),
    ("telemetry-gaps", "Telemetry gaps", "admin:telemetry_gap_changelist", "flag", 143),
)


def _open(actor: Actor, workspace_id: int | None) -> Any:
    rows = Gap.objects.visible_to(actor).open()
    return rows if workspace_id is None else rows.of(workspace_id)


_FIRST_OPEN: ForReader[Gap] = ForReader(
    lambda actor, workspace_id: _open(actor, workspace_id)[:FETCHED]
)


def rule_words(gap: Gap) -> str:
    """Which rule found it, in words; the rule may be gone since."""
    rule = RULES.get(gap.rule)
    return f"{gap.rule}: {rule.title}" if rule is not None else gap.rule


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """Open gaps, those found most lately first."""
    return [
        Waiting(
            title=gap.text if gap.about in gap.text else f"{gap.about}: {gap.text}",
            url=gap_url(gap),
            text=rule_words(gap),
            state="open",
            tone="warn",
            since=gap.first_seen,
        )
        for gap in _FIRST_OPEN.rows(actor, workspace_id)
    ]


def named(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _open(actor, workspace_id)
    for word in text.split()[:4]:
        rows = rows.filter(Q(about__icontains=word) | Q(rule__iexact=word))
    return [Target(str(gap), gap_url(gap), gap.text[:120]) for gap in rows[:FOUND]]


# --- Cards --------------------------------------------------------------------------------------


def figure_url(slug: str) -> str:
    return reverse("telemetry:kpi", args=(slug,))


def links_of(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """From a work item back to the gap or the key figure it was opened for."""
    if not isinstance(obj, Item):
        return None
    found: list[row_slots.RelatedRow] = []
    if GAP_LABEL in obj.labels:
        gaps = Gap.objects.visible_to(actor).of(obj.workspace_id).filter(item=obj.key)
        found += [_of_gap(gap) for gap in gaps[: row_slots.MOST]]
    if KPI_LABEL in obj.labels:
        rows = KpiValue.objects.visible_to(actor).of(obj.workspace_id).filter(item=obj.key)
        found += [_of_figure(row) for row in rows[: row_slots.MOST]]
    return found or None


def _of_gap(gap: Gap) -> row_slots.RelatedRow:
    return row_slots.RelatedRow(
        f"Telemetry gap {gap}", gap_url(gap), state=gap.status, note="opened for it",
        at=gap.first_seen,
    )  # fmt: skip


def _of_figure(row: KpiValue) -> row_slots.RelatedRow:
    kpi = kpis.get(row.kpi)
    return row_slots.RelatedRow(
        kpi.title if kpi else row.kpi, figure_url(row.kpi) if kpi else "", state=row.state,
        note="opened for its period from", at=row.start,
    )  # fmt: skip


def work_of(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """The one item that a gap has."""
    if not isinstance(obj, Gap):
        return None
    rows = Item.objects.visible_to(actor).defer("search")
    rows = rows.filter(workspace_id=obj.workspace_id, key=obj.item) if obj.item else rows.none()
    return [
        row_slots.RelatedRow(item.title, item_url(item), state=state_of(item), note=item.key)
        for item in rows[:1]
    ]


def register() -> None:
    for slug, label, url, icon, order in ENTRIES:
        nav_items.register(NavItem(slug, label, "Telemetry", url, icon, VIEW, order))
    palette_actions.register(
        PaletteAction(
            "audit-telemetry", "Audit telemetry now", "/admin/telemetry/auditrun/now/", AUDIT,
            ("gaps", "coverage", "check"),
        )
    )  # fmt: skip
    palette_verbs.register(
        PaletteVerb("gap", "gap", "NAME", "Open the gap", VIEW, named, "open gap",
                    "Open a telemetry gap")
    )  # fmt: skip
    home_rows.register(
        HomeRow(
            slug="telemetry.gaps",
            title="Telemetry gaps",
            action=AUDIT,
            rows=waiting,
            empty="no telemetry gap keeps a deployment from starting.",
            link="/admin/telemetry/gap/?status__exact=open",
            order=35,
        )
    )
    row_slots.links.register(row_slots.RowSource("telemetry.opened_for", links_of))
    row_slots.related_work.register(row_slots.RowSource("telemetry.gap", work_of))
