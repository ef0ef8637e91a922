"""What the catalog hands to the console's shared parts: home rows, palette, a governance rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from controlplane.access import policy
from controlplane.base.registries import (
    AuditRule,
    Calm,
    HomeRow,
    PaletteAction,
    Verdict,
    Waiting,
    audit_rules,
    home_rows,
    palette_actions,
)
from controlplane.catalog.models import DownInterval, Integration, Probe, Service
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader

MOST = 50


def _down_probes(actor: Actor, workspace_id: int | None) -> QuerySet[Any]:
    rows = Probe.objects.visible_to(actor).down()
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


_LONGEST_DOWN: ForReader[Probe] = ForReader(
    lambda actor, workspace_id: (
        _down_probes(actor, workspace_id)
        .select_related("service", "environment")
        .order_by("since", "pk")[:MOST]
    )
)


def _down(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=f"{probe.service.name} is down in {probe.environment.name}",
            url=f"/admin/catalog/service/{probe.service.uid}/change/",
            text=probe.last_error,
            state="down",
            tone="bad",
            since=probe.since,
        )
        for probe in _LONGEST_DOWN.rows(actor, workspace_id)
    ]


def _last_up(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = DownInterval.objects.visible_to(actor).exclude(ends_at=None)
    rows = rows if workspace_id is None else rows.filter(workspace=workspace_id)
    return rows.order_by("-ends_at").values_list("ends_at", flat=True)


def _probes_on(actor: Actor, workspace_id: int | None) -> QuerySet[Any, bool]:
    """Whether each was looked at: one that was comes first."""
    rows = Probe.objects.visible_to(actor).on()
    rows = rows if workspace_id is None else rows.filter(workspace=workspace_id)
    looked = ExpressionWrapper(~Q(health=Probe.Health.UNKNOWN), BooleanField())
    found: QuerySet[Any, bool] = rows.annotate(looked=looked).values_list("looked", flat=True)
    return found.order_by("-looked")[:1]


_LOOKED_AT: ForReader[bool] = ForReader(_probes_on)


def _looked(actor: Actor, workspace_id: int | None) -> Calm:
    known = next(iter(_LOOKED_AT.rows(actor, workspace_id)), None)
    if known:
        return Calm("Every service that is looked at is up.")
    if known is not None:
        return Calm("Nothing has been looked at yet. The worker looks when a probe is due.", False)
    return Calm("Nothing has been looked at yet.", False, *_next("probe", "Add a probe", actor))


def _active(actor: Actor, workspace_id: int | None) -> QuerySet[Any]:
    rows = Integration.objects.visible_to(actor).filter(is_active=True)
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


_ANY_ACTIVE: ForReader[int] = ForReader(
    lambda actor, workspace_id: (
        _active(actor, workspace_id).order_by().values_list("pk", flat=True)[:1]
    )
)


def _callable(actor: Actor, workspace_id: int | None) -> Calm:
    if _ANY_ACTIVE.rows(actor, workspace_id):
        return Calm("Every integration may be called.")
    return Calm("There is none yet.", False, *_next("integration", "Add an integration", actor))


def _next(page: str, words: str, actor: Actor) -> tuple[str, str]:
    """The next step, for whoever may take it."""
    may = policy.can(actor, "catalog.manage")
    return (f"/admin/catalog/{page}/add/", words) if may else ("", "")


def _not_closed(actor: Actor, workspace_id: int | None) -> QuerySet[Any]:
    return _active(actor, workspace_id).exclude(status="closed")


_LONGEST_OPEN: ForReader[Integration] = ForReader(
    lambda actor, workspace_id: _not_closed(actor, workspace_id).order_by("opened_at", "pk")[:MOST]
)


def _open(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=row.name,
            url=f"/admin/catalog/integration/{row.uid}/change/",
            text=row.reason,
            state=row.status.replace("_", " "),
            tone="bad" if row.status == Integration.Status.OPEN else "warn",
            since=row.opened_at,
        )
        for row in _LONGEST_OPEN.rows(actor, workspace_id)
    ]


home_rows.register(
    HomeRow(
        slug="catalog.down",
        title="Services that are down",
        action="catalog.view",
        rows=_down,
        count=lambda actor, workspace_id: _down_probes(actor, workspace_id).count(),
        most=MOST,
        calm=_looked,
        link="/admin/catalog/probe/?health__exact=down",
        order=10,
        last=_last_up,
        then="The last one came up",
    )
)
home_rows.register(
    HomeRow(
        slug="catalog.breakers",
        title="Breakers that are not closed",
        action="catalog.view",
        rows=_open,
        count=lambda actor, workspace_id: _not_closed(actor, workspace_id).count(),
        most=MOST,
        calm=_callable,
        link="/admin/catalog/integration/",
        order=20,
    )
)


def _watched(workspace_id: int) -> Verdict:
    """A service of the first tier that nobody looks at can be down for hours unnoticed."""
    tier_one = Service.objects.filter(workspace=workspace_id, tier=1).active()
    looked_at = Probe.objects.on().filter(environment__slug="production").values("service")
    blind = list(tier_one.exclude(pk__in=looked_at).values_list("slug", flat=True)[:MOST])
    if not tier_one.exists():
        return Verdict("not_applicable", "There is no service of the first tier.")
    if blind:
        return Verdict("attention", f"Nobody looks at {', '.join(blind)} in production.")
    return Verdict("ok", "Every service of the first tier is looked at in production.")


audit_rules.register(
    AuditRule(
        slug="catalog.watched",
        title="Every service of the first tier has a probe in production",
        check=_watched,
    )
)

# Their names are the lists' own; the words are what else people look for them by.
for _slug, _label, _page, _words in (
    ("services", "Services", "service", ("uptime", "catalog", "health")),
    ("integrations", "Integrations", "integration", ("circuit breakers", "catalog", "health")),
    ("probes", "Probes", "probe", ("checks", "catalog", "health")),
    ("down", "Outages", "downinterval", ("down times", "catalog", "health")),
):
    palette_actions.register(
        PaletteAction(
            slug=f"catalog.{_slug}",
            label=_label,
            url=f"/admin/catalog/{_page}/",
            action="catalog.view",
            keywords=_words,
        )
    )
