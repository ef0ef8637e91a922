"""Alerts: what fires, what became of each, and what held it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from controlplane.base.admin import ModelAdmin, bulk, button, question
from controlplane.base.admin.linking import url_of
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.lasting import lasted
from incidents.intake import handling, receiving
from incidents.models import Alert, AlertEvent, InboundEvent
from incidents.runbooks import shown as runbooks

_HISTORY = 100


def _fires(row: Alert) -> str:
    return "" if row.status == Alert.Status.FIRING else "It is over already."


def standing(row: Alert) -> str:
    """One word for how it stands."""
    if row.status != Alert.Status.FIRING:
        return "resolved"
    if row.silence_id is not None:
        return "silenced"
    if row.inhibited_by_id is not None:
        return "inhibited"
    return "flapping" if _flaps(row) else "firing"


def _flaps(row: Alert) -> bool:
    return row.flaps_until is not None and row.flaps_until > clock.now()


@admin.register(Alert)
class AlertAdmin(ModelAdmin[Alert]):
    list_name = "Alerts received"
    change_form_template = "incidents/runbooks/row.html"  # with the sheet of what is suggested
    view_action = "alert.view"
    keyed = True
    about = "What senders and the portal itself say fires: one row for each while it does."
    tabs = (
        ("Firing", "status__exact=firing"),
        ("Held back", "quiet=yes&status__exact=firing"),
        ("Resolved", "status__exact=resolved"),
        ("All", "view=all"),
    )
    empty = "No alert is here."
    empty_hint = "Words and labels are searched: service=agent. GET /api/v1/alerts lists them."
    list_display = ("name", "state", "severity", "of_service", "went_to", "repeats", "first_at")
    phone_columns = ("state", "severity", "first_at")
    list_filter = (
        "status", "severity", "source", "service",
        question("Held back", "quiet", {
            "yes": ("Yes", lambda rows: rows.held_back()),
            "silenced": ("Silenced", lambda rows: rows.filter(silence__isnull=False)),
            "inhibited": ("By a graver one", lambda rows: rows.filter(inhibited_by__isnull=False)),
            "flapping": (
                "Flapping", lambda rows: rows.filter(flaps_until__gt=clock.now())
            ),
        }),
    )  # fmt: skip
    search_fields = ("title",)
    in_palette = True
    panel_template = "incidents/panel_alert.html"
    head_state = "state"
    head_severity = "severity"
    head_clocks = ("first_at",)
    facts = (
        "state", "severity", "of_service", "went_to", "of_source", "by_rule", "lasts", "repeats",
        "first_at", "last_at", "starts_at", "resolved_at", "ended", "over_unless", "dedup_key",
        "group_key",
    )  # fmt: skip
    labels = {
        "first_at": "First heard", "last_at": "Last heard", "starts_at": "Since, its sender says",
        "resolved_at": "Over", "repeats": "Said again", "dedup_key": "Sender's key",
        "group_key": "Belongs together as",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related(
            "source", "service", "rule", "incident", "item", "silence", "inhibited_by"
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Words of titles, and labels as `name=value`."""
        words = []
        for word in search_term.replace("\0", "")[:100].split()[:6]:
            name, sign, value = word.partition("=")
            if sign and name and value:
                queryset = queryset.filter(labels__contains={name: value.strip('"')})
            else:
                words.append(word)
        return super().get_search_results(request, queryset, " ".join(words))

    @admin.display(description="Alert")
    def name(self, row: Alert) -> str:
        return row.title

    @admin.display(description="State")
    def state(self, row: Alert) -> str:
        return standing(row)

    @admin.display(description="Service")
    def of_service(self, row: Alert) -> str:
        return row.service.name if row.service is not None else ""

    @admin.display(description="Went to")
    def went_to(self, row: Alert) -> str:
        if row.incident is not None:
            return str(row.incident.ref)
        return str(row.item.key) if row.item is not None else ""

    @admin.display(description="From")
    def of_source(self, row: Alert) -> str:
        return row.source.name

    @admin.display(description="Rule")
    def by_rule(self, row: Alert) -> str:
        return row.rule.title if row.rule is not None else "none"

    @admin.display(description="Lasts")
    def lasts(self, row: Alert) -> Any:
        return lasted(row.first_at, row.resolved_at)

    @admin.display(description="Over how")
    def ended(self, row: Alert) -> str:
        return str(row.get_over_by_display()) if row.over_by else ""

    @admin.display(description="Over unless said again by")
    def over_unless(self, row: Alert) -> Any:
        return row.resolve_due_at

    def panel_context(self, request: HttpRequest, obj: Alert) -> Mapping[str, Any]:
        actor = actor_of(request)
        events, more = _history(obj)
        return {
            "held": _held(obj, actor),
            "help": runbooks.suggested(obj, actor),
            "links": [each for each in obj.links if isinstance(each, Mapping)][:20],
            "label_rows": sorted(obj.labels.items()),
            "note_rows": sorted(obj.annotations.items()),
            "more_events": more,
            "event_columns": (("at", "When", "when"), ("what", "What"), ("note", "")),
            "event_rows": events,
            "incident_url": url_of(obj.incident, actor), "item_url": url_of(obj.item, actor),
        }  # fmt: skip

    @button(
        label="It is over", action="alert.resolve", reason=True, quiet=True, when=_fires,
        confirm="When its sender says again that it fires, it fires anew.",
    )  # fmt: skip
    def end(self, request: HttpRequest, obj: Alert, reason: str) -> str:
        handling.end_alert(obj, actor=actor_of(request), reason=reason)
        return "It is over."

    @bulk(label="The selected are over", action="alert.resolve", reason=True)
    def end_selected(self, request: HttpRequest, obj: Alert, reason: str) -> None:
        handling.end_alert(obj, actor=actor_of(request), reason=reason)


def _history(row: Alert) -> tuple[list[dict[str, Any]], bool]:
    """What happened to it, the latest first, and whether there is more. That it fired stands in its
    own row."""
    rows = list(row.events.select_related("inbound").defer("inbound__body")[: _HISTORY + 1])
    found = [_event(one.at, one.get_kind_display(), one.note, one.inbound) for one in rows]
    if len(rows) <= _HISTORY and not any(one.kind == AlertEvent.Kind.FIRED for one in rows):
        fired = AlertEvent.Kind.FIRED.label if row.over_by != Alert.Over.LATE else "Heard of"
        found.append(_event(row.first_at, fired, "", receiving.brought_by(row)))
    return found[:_HISTORY], len(rows) > _HISTORY


def _event(at: Any, what: str, note: str, message: InboundEvent | None) -> dict[str, Any]:
    url = ""
    if message is not None:
        url = reverse("admin:incidents_inboundevent_change", args=(message.uid,))
    return {"at": at, "what": what, "note": note, "_url": url}


def _held(row: Alert, actor: Actor) -> dict[str, str] | None:
    """What held it back, and where that stands."""
    if row.status != Alert.Status.FIRING:
        return None
    if row.silence is not None:
        return {
            "why": f"A silence holds for it: {row.silence.comment}",
            "url": url_of(row.silence, actor),
        }
    if row.inhibited_by is not None:
        return {"why": f"A graver alert of its service fires: {row.inhibited_by.title}",
                "url": url_of(row.inhibited_by, actor)}  # fmt: skip
    if _flaps(row):
        return {"why": f"It fired {row.flips + 1} times in short order: it was told once, and is "
                       "told again when it fires steadily.", "url": ""}  # fmt: skip
    return None
