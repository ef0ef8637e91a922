"""Deployments: the list of what goes where, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.lib import clock
from deployments.models import Deployment
from deployments.querysets import ENDED
from deployments.services import Next
from deployments.shown import deck, deck_moves

RELATED = (
    *("environment", "workspace", "item__project", "watcher", "flag", "approval"),
    *("previous__reverses", "reverses__previous"),
)


@admin.register(Deployment)
class DeploymentAdmin(ModelAdmin[Deployment]):
    view_action = "deployment.view"
    about = "Releases on their way: what goes where, what stands in the way, how it went."
    tabs = (
        ("Under way", "standing=under_way"),
        ("Monitoring", "standing=monitoring"),
        ("Closed", "standing=closed"),
        ("All", "view=all"),
    )
    empty = "Nothing is on its way."
    empty_hint = "Plan a deployment, or let CI do it: POST /api/v1/deployments/ensure."
    list_display = ["what", "status", "place", "kind", "tier", "glance", "clock", "watcher"]
    phone_columns = ("status", "place")
    list_filter = (
        question(
            "Standing",
            "standing",
            {
                "under_way": ("Under way", lambda rows: rows.open().exclude(status="monitoring")),
                "monitoring": ("Monitoring", lambda rows: rows.filter(status="monitoring")),
                "closed": ("Closed", lambda rows: rows.filter(status__in=ENDED)),
                "papers": ("Owes documentation", lambda rows: rows.owing_papers()),
            },
        ),
        *("environment", "status", "kind", "tier", "components"),
    )
    list_select_related = ["environment", "watcher"]
    search_fields = ["ref", "title", "release", "commit_sha"]
    in_palette = True
    change_form_template = "deployments/deck/row.html"
    change_list_template = "deployments/deck/list.html"
    panel_template = "deployments/deck/panel.html"
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Deployment", "place": "Environment", "glance": "Next", "clock": "When",
        "commit_sha": "Commit", "image_tag": "Image",
        "evidence_path": "Evidence", "base_sha": "Branched from",
        "hotfix_trigger": "Because of", "planned_at": "Planned from", "planned_until": "until",
        "started_at": "Started", "deployed_at": "Deployed", "closed_at": "Ended",
        "documented_at": "Documented", "close_reason": "How it ended", "source": "By way of",
        "backup_ref": "Backup",
    }  # fmt: skip
    head_state = "status"
    head_owner = "watcher"
    head_clocks = ("monitor_until", "docs_due")
    facts = (
        *("status", "watcher", "ref", "release", "place", "kind", "tier", "brings", "item"),
        *("commit", "ci", "image_tag", "digest", "hashes", "flag", "evidence_path"),
        *("backup_ref", "branch", "base_sha", "trigger", "planned_at", "planned_until"),
        *("started_at", "deployed_at", "monitor_until", "docs_due", "documented_at", "closed_at"),
        *("close_reason", "source", "created_by", "created_at", "release_notes", "rollback_plan"),
        *("scope_note", "uid"),
    )

    # --- The list -------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("release_notes", "rollback_plan", "scope_note")

    @admin.display(description="Deployment", ordering="id")
    def what(self, obj: Deployment) -> SafeString:
        return format_html('<code class="small dk-ref">{}</code> {}', obj.ref, obj.title[:120])

    @admin.display(description="Environment", ordering="environment__order")
    def place(self, obj: Deployment) -> str:
        return str(obj.environment)

    @admin.display(description="Next")
    def glance(self, obj: Deployment) -> str:
        return deck.glance(obj, clock.now())

    @admin.display(description="When", ordering="planned_at")
    def clock(self, obj: Deployment) -> datetime | None:
        return obj.closed_at or obj.deployed_at or obj.started_at or obj.planned_at

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        may = policy.can(actor_of(request), "deployment.create")
        return {"may_plan": bool(may), "why_no_plan": "" if may else may.reason}

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """A ref finds its deployment; anything else words of titles and releases."""
        number = search_term.strip().upper().removeprefix("DEP-")
        if number != search_term.strip().upper() and number.isascii() and number.isdigit():
            return queryset.filter(ref=f"DEP-{number[:9]}"), False
        return super().get_search_results(request, queryset, search_term)

    # --- One of them ----------------------------------------------------------------------

    def whole(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*RELATED)

    def heading(self, obj: Deployment) -> str:
        return obj.title

    @admin.display(description="Commit")
    def commit(self, obj: Deployment) -> str | SafeString:
        return _short(obj.commit_sha, 12)

    @admin.display(description="Digest")
    def digest(self, obj: Deployment) -> str | SafeString:
        return _short(obj.image_digest, 19)

    @admin.display(description="CI")
    def ci(self, obj: Deployment) -> str | SafeString:
        if not obj.ci_url:
            return ""
        host = obj.ci_url.split("//", 1)[-1].split("/", 1)[0]
        return format_html('<a href="{}" rel="noreferrer">{}</a>', obj.ci_url, host)

    @admin.display(description="Brings")
    def brings(self, obj: Deployment) -> str:
        return ", ".join(obj.parts.values_list("component__name", flat=True).order_by("position"))

    @admin.display(description="Artifacts")
    def hashes(self, obj: Deployment) -> str:
        return ", ".join(f"{each['name']} {each['sha256'][:12]}" for each in obj.artifacts)

    @admin.display(description="Because of")
    def trigger(self, obj: Deployment) -> str:
        return str(obj.get_hotfix_trigger_display()) if obj.hotfix_trigger else ""

    @admin.display(description="Documentation")
    def docs_due(self, obj: Deployment) -> datetime | None:
        return obj.docs_due_at if obj.documented_at is None else None

    def panel_context(self, request: HttpRequest, obj: Deployment) -> Mapping[str, Any]:
        return deck.panel(self._deck(request, obj))

    def _deck(self, request: HttpRequest, obj: Deployment) -> deck.Deck:
        known: dict[int, deck.Deck] = request.__dict__.setdefault("_decks", {})
        return known.setdefault(obj.pk, deck.Deck(obj, actor_of(request)))

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        if place != "detail" or obj is None:
            return super()._shown(request, place, obj)
        return self._steps(obj, request)

    def _steps(self, row: Deployment, request: HttpRequest) -> list[ShownButton]:
        """The next step first; what the stage has no use for is not there at all."""
        actor = actor_of(request)
        following = self._deck(request, row).following
        found = []
        if following.verb:
            found.append(_primary(row, following))
        for move, refusal in deck.buttons(row, actor, following):
            found.append(_quiet(row, move, refusal))
        refusal = deck.may_change(row, actor)
        if row.is_open and not refusal:
            url = reverse("deck:papers", args=(row.uid,))
            found.append(_leads("edit", "Edit", url, icon="edit"))
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary))


def _primary(row: Deployment, following: Next) -> ShownButton:
    """Told by the service. What is one press without a question is pressed here."""
    move = deck_moves.MOVES.get(following.verb)
    url = deck.next_url(row, following)
    pressed = following.verb in PRESSED or (move is not None and not move.asks)
    label = following.label
    if len(label) > _LONGEST:
        label = f"{label[:_LONGEST].rstrip()}…"
    elif move is not None and move.asks:
        label = f"{label}…"
    if pressed:
        url += f"?version={row.version}" if move is not None else f"?do={following.verb}"
    return ShownButton(
        following.verb,
        label,
        url,
        following.refusal,
        asks=False,
        primary=not following.refusal,
        grave=move is not None and move.grave,
        icon=move.icon if move is not None else "arrow-right",
        leads=not pressed,
    )


# Verbs of steps that need nothing said.
PRESSED = frozenset({"run", "retry"})
_LONGEST = 36


def _quiet(row: Deployment, move: deck_moves.Move, refusal: str) -> ShownButton:
    url = deck_moves.url(row, move.slug)
    if move.asks:
        return ShownButton(
            move.slug, f"{move.label}…", url, refusal, asks=False, grave=move.grave,
            icon=move.icon, leads=True,
        )  # fmt: skip
    return ShownButton(move.slug, move.label, f"{url}?version={row.version}", refusal, asks=False)


def _short(text: str, most: int) -> str | SafeString:
    """As much as one knows it by; the whole when one points at it."""
    if len(text) <= most:
        return text
    return format_html('<code class="small" title="{}">{}…</code>', text, text[:most])


def _leads(name: str, label: str, url: str, *, icon: str) -> ShownButton:
    return ShownButton(name, label, url, "", asks=False, icon=icon, leads=True)
