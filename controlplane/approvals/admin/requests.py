"""The queue of what waits for consent, and the page of one packet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.approvals import owners, services, signing
from controlplane.approvals.models import Request, RequestSlot
from controlplane.approvals.shown import page, words
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.admin.changelist import KeyedList, PortalList
from controlplane.base.admin.questions import question
from controlplane.base.admin.showing import TIMELINE_ROWS
from controlplane.base.web import actor_of
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.work.models import Item

# Short by nature, and sorted by how long they wait; the rest goes by key, newest first.
SHORT = frozenset({"mine", "open", "late"})
ANSWERED = ("approved", "rejected", "changes_requested")
IDLE = "There is nothing to do."
WITH_IT = ("workspace", "requested_by", "item", "item__project", "supersedes")


class Queue(admin.SimpleListFilter):
    """The questions of the tabs."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("mine", "Waiting for me"),
            ("open", "Open"),
            ("late", "Past its target"),
            ("decided", "Decided"),
            ("asked", "Asked by me"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        actor = actor_of(request)
        asked = str(self.value() or "")
        if asked == "mine":
            return queryset.waiting_for(actor)
        if asked == "open":
            return queryset.open()
        if asked == "late":
            return queryset.late()
        if asked == "decided":
            return queryset.filter(status__in=ANSWERED)
        if asked == "asked":
            return queryset.filter(requested_by_ref=actor.ref)
        return queryset


class About(admin.SimpleListFilter):
    """By the app that asks; the names come from what is registered, not from the table."""

    title = "about"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, owner.label) for name, owner in sorted(owners.OWNERS.items())]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = str(self.value() or "")
        return queryset.filter(owner=asked) if asked in owners.OWNERS else queryset


def _told(actor: Actor, refs: Sequence[str], most: range) -> QuerySet[AuditEvent]:
    """What was said of it stands there in its own words."""
    rows = AuditEvent.objects.visible_to(actor).about_any(refs)
    return rows.exclude(action="approval.comment").order_by("-id")[: len(most)]


def _open(request: Request) -> str:
    return "" if request.is_open else IDLE


@admin.register(Request)
class RequestAdmin(ModelAdmin[Request]):
    list_name = "Approvals"
    view_action = "approval.view"
    about = "What waits for consent, the longest waiting first."
    tabs = (
        ("Waiting for me", "queue=mine"),
        ("All open", "queue=open"),
        ("Decided", "queue=decided"),
        ("Asked by me", "queue=asked"),
        ("All", "view=all"),
    )
    empty = "Nothing waits here."
    empty_hint = "What needs consent stands here by itself; GET /api/v1/approvals lists it too."
    list_display = ["what", "state", "clock", "waits_for", "policy_name", "asked_by"]
    phone_columns = ("state", "clock")
    list_filter = (
        Queue,
        "status",
        About,
        question("Revised", "revised", {"yes": ("Yes", lambda rows: rows.filter(revision__gt=1))}),
    )
    list_select_related = ["requested_by"]
    search_fields = ["title"]
    in_palette = True
    change_form_template = "approvals/row.html"
    change_list_template = "approvals/list.html"
    panel_template = "approvals/panel_request.html"
    labels: ClassVar[Mapping[str, str]] = {
        "closed_at": "Closed",
        "requested_at": "First asked",
        "asked_at": "This revision",
        "reason": "Why it closed",
        "sha256": "SHA-256",
        "policy_name": "Policy",
    }
    head_state = "state"
    head_owner = "asked_by"
    head_clocks = ("clock",)
    facts = (
        "state", "policy_name", "of", "about_ref", "asked_by", "requested_at", "asked_at",
        "revision_words", "clock", "expires", "decided_at", "closed_at", "reason", "uid",
    )  # fmt: skip

    # --- Lists ----------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the packets: a list shows none of them, and each may be large."""
        slots = RequestSlot.objects.order_by("position")
        rows = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("slots", slots)).defer("packet_text")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("requested_at", "id")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PortalList]:
        short = request.GET.get("queue") in SHORT and not request.GET.get("q")
        return PortalList if short else KeyedList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """A ref finds its request; anything else words of titles."""
        number = search_term.strip().upper().removeprefix("APR-")
        if number.isascii() and number.isdigit() and len(number) < 10:
            return queryset.filter(number=int(number)), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="Request")
    def what(self, obj: Request) -> SafeString:
        return words.titled(obj)

    @admin.display(description="State")
    def state(self, obj: Request) -> str:
        return str(obj.get_status_display())

    @admin.display(description="Answer")
    def clock(self, obj: Request) -> SafeString:
        return words.clock_mark(obj)

    @admin.display(description="Waits for")
    def waits_for(self, obj: Request) -> str:
        return words.missing_words(obj)

    @admin.display(description="Policy")
    def policy_name(self, obj: Request) -> str:
        return str(obj.policy_snapshot.get("name", ""))

    @admin.display(description="Asked by")
    def asked_by(self, obj: Request) -> User | str:
        return obj.requested_by or obj.requested_by_name or obj.requested_by_ref

    @admin.display(description="Expires")
    def expires(self, obj: Request) -> datetime | None:
        return obj.expires_at if obj.is_open else None

    @admin.display(description="Work item")
    def of(self, obj: Request) -> Item | None:
        return obj.item

    @admin.display(description="About")
    def about_ref(self, obj: Request) -> str:
        return owners.get(obj.owner).label

    @admin.display(description="Revision")
    def revision_words(self, obj: Request) -> str:
        return str(obj.revision) if obj.revision > 1 else ""

    # --- One packet -----------------------------------------------------------------------

    def whole(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*WITH_IT)

    def row_shown(self, request: HttpRequest, obj: Request) -> dict[str, Any]:
        """Its history goes back over its revisions: to the reader they are one thing."""
        context = dict(self.panel_context(request, obj))
        things = context["revisions"] or [obj]
        refs = kept.padded(subject_ref(each) for each in things)
        events = kept.seen(actor_of(request), _told, refs, range(TIMELINE_ROWS.value + 1))
        return {
            "portal": self,
            "editing": False,
            "events": events[: TIMELINE_ROWS.value],
            "older_events": len(events) > TIMELINE_ROWS.value,
            **context,
        }

    def heading(self, obj: Request) -> str:
        return words.lookup(obj)

    def panel_context(self, request: HttpRequest, obj: Request) -> Mapping[str, Any]:
        return page.of(obj, actor_of(request), views=self._views(request, obj))

    def _views(self, request: HttpRequest, obj: Request) -> Sequence[signing.SlotView]:
        """Its slots as the reader sees them: asked for by the buttons and by the packet."""
        known: dict[int, Sequence[signing.SlotView]] = request.__dict__.setdefault("_slots", {})
        if obj.pk not in known:
            known[obj.pk] = signing.slots_for(actor_of(request), obj)
        return known[obj.pk]

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        found = [one for one in super()._shown(request, place, obj) if one.refusal != IDLE]
        if place != "detail":
            return found
        return [*self._steps(request, obj), *found]

    def _steps(self, request: HttpRequest, obj: Request) -> list[ShownButton]:
        """To the answers at the foot of the packet; where there is none to give, to what waits
        next. What refuses stands beside the answers, not on a button."""
        actor = actor_of(request)
        views = self._views(request, obj) if obj.is_open else []
        if any(view.may for view in views):
            steps = [_leads("decide", "Decide", "#decide", "check", primary=True)]
            own = any(view.may and view.delegation is None for view in views)
            if own and policy.can(actor, "approval.delegate", obj):
                url = reverse("approvals:delegate", args=(obj.uid,))
                steps.append(_leads("delegate", "Delegate…", url, "users"))
            return steps
        waiting = page.next_for(actor, obj)
        if waiting is None:
            return []
        url = words.request_url(waiting)
        return [_leads("next", f"Next: {waiting.ref}", url, "arrow-right", primary=True)]

    @button(
        label="Withdraw",
        action="approval.withdraw",
        confirm="Nobody can sign it then. Who was asked, is told.",
        reason=True,
        quiet=True,
        when=_open,
    )
    def withdraw(self, request: HttpRequest, obj: Request, reason: str) -> str:
        services.withdraw(obj, actor=actor_of(request), reason=reason)
        return f"{obj.ref} is withdrawn."


def _leads(name: str, label: str, url: str, icon: str, *, primary: bool = False) -> ShownButton:
    return ShownButton(name, label, url, "", asks=False, primary=primary, icon=icon, leads=True)
