"""The items: lists of work, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from controlplane.access.models import User
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.changelist import KeyedList, PortalList
from controlplane.base.admin.showing import EDIT, TIMELINE_ROWS
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.work import services
from controlplane.work.admin import filters
from controlplane.work.admin import forms as item_forms
from controlplane.work.admin.bulk import BulkItems
from controlplane.work.admin.common import IDLE, Steps
from controlplane.work.models import Item, Project
from controlplane.work.services import guards, reading
from controlplane.work.shown import page, story, words

SHORT = frozenset({"ready", "mine", "doing", "overdue"})


def open_work(item: Item) -> list[str]:
    """What stands in the way of closing it; asked once for a page."""
    if not hasattr(item, "_open_work"):
        item._open_work = guards.open_work(item)  # type: ignore[attr-defined]
    found: list[str] = item._open_work  # type: ignore[attr-defined]
    return found


def _not_claimable(item: Item) -> str:
    if item.category == "done":
        return IDLE
    me = getattr(item, "looked_at_by", "")
    if item.assignee and item.assignee.lower() != me.lower():
        return f"{item.assignee} has it."
    if item.status == "in_progress":
        return IDLE
    if item.status != "open":
        return f"It is {words.status_words(item.status).lower()}."
    if item.blocked:
        return sentence(open_work(item)) or "What it is part of is blocked."
    return ""


def _not_closable(item: Item) -> str:
    return IDLE if item.category == "done" else sentence(open_work(item))


def sentence(missing: list[str]) -> str:
    """What stands in the way as the portal says it; the services say it as Beads does."""
    said = "; ".join(missing).replace("open issues ", "").replace("[", "").replace("]", "")
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _nothing_to_force(item: Item) -> str:
    return "" if item.category != "done" and open_work(item) else IDLE


def _not_held(item: Item) -> str:
    return "" if item.status == "in_progress" else IDLE


def _not_put_off(item: Item) -> str:
    later = item.defer_until is not None and item.defer_until > clock.now()
    put_off = item.status == "deferred" or later
    return "" if put_off and item.category != "done" else IDLE


def _put_off(item: Item) -> str:
    return IDLE if item.category == "done" or not _not_put_off(item) else ""


@admin.register(Item)
class ItemAdmin(BulkItems, Steps, ModelAdmin[Item]):
    view_action = "work.view"
    add_action = "work.create"
    change_action = "work.update"
    delete_action = "work.delete"
    about = "Everything there is to do, and what stands before it."
    tabs = (
        ("Ready", "queue=ready"),
        ("Mine", "queue=mine"),
        ("Blocked", "queue=waiting"),
        ("In progress", "queue=doing"),
        ("All", "view=all"),
    )
    empty = "Nothing here: no item answers to this."
    empty_hint = 'bd create "What is to be done" opens one; so does POST /api/v1/work/items.'
    list_display = [
        "what", "state", "urgency", "whom", "due_at", "marks", "where", "updated_at",
    ]  # fmt: skip
    list_filter = filters.ALL
    list_select_related = ["assignee_user", "project"]
    search_fields = ["key", "title"]
    in_palette = True
    panel_template = "work/panel_item.html"
    change_form_template = "work/row.html"
    change_list_template = "work/list.html"
    form = item_forms.ItemForm
    edit_fields = item_forms.EDITED
    add_fields = item_forms.ADDED
    head_state = "state"
    head_severity = "urgency"
    head_owner = "whom"
    head_clocks = ("due_at", "defer_until")
    facts = (
        "state", "urgency", "type", "awaits", "whom", "due_at", "defer_until", "where", "under",
        "marks", "stage", "backlog_category", "score", "kpi", "readiness_artifact", "evidence_url",
        "estimated_minutes", "owner", "opened_by", "created_at", "started_at", "closed_at",
        "close_reason", "external_ref", "spec_id", "stands_for", "metadata", "updated_at", "uid",
    )  # fmt: skip

    # --- Lists ----------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Item]:
        """By an equality where one workspace is chosen: the queue's index begins with it."""
        rows: Any = Item.objects.visible_to(actor_of(request)).defer("search")
        workspace = workspace_of(request)
        if workspace is not None:
            rows = rows.filter(workspace=workspace.pk)
        return rows.order_by(*self.get_ordering(request))  # type: ignore[no-any-return]

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("priority", "-created_at", "id")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PortalList]:
        """Short queues by urgency. What may be most of the table, and what words find, goes by
        key, newest first: sorted by urgency each look would read it all."""
        short = request.GET.get("queue") in SHORT and not request.GET.get("q")
        return PortalList if short else KeyedList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Full text: words in any form, "quoted phrases", or, -without; or a key."""
        text = search_term.replace("\x00", "").strip()[:200]
        return (queryset.matching(text) if text else queryset), False

    @admin.display(description="Item")
    def what(self, item: Item) -> SafeString:
        return words.titled(item)

    @admin.display(description="State")
    def state(self, item: Item) -> str:
        return words.state_of(item)

    @admin.display(description="Priority")
    def urgency(self, item: Item) -> SafeString:
        return words.priority_mark(item.priority)

    @admin.display(description="Type")
    def type(self, item: Item) -> str:
        return words.type_words(item.item_type)

    @admin.display(description="Waits for")
    def awaits(self, item: Item) -> str:
        return words.awaited(item)

    @admin.display(description="Assignee")
    def whom(self, item: Item) -> User | str:
        return item.assignee_user or item.assignee

    @admin.display(description="Opened by")
    def opened_by(self, item: Item) -> User | str:
        return reading.account(item.created_by, item.workspace_id) or item.created_by

    @admin.display(description="Labels")
    def marks(self, item: Item) -> SafeString | str:
        return words.label_chips(item.labels) if item.labels else ""

    @admin.display(description="Project")
    def where(self, item: Item) -> Project:
        return item.project

    @admin.display(description="Part of")
    def under(self, item: Item) -> Item | None:
        return item.parent

    @admin.display(description="Stands for")
    def stands_for(self, item: Item) -> str:
        return item.subject

    @admin.display(description="Impact ÷ effort")
    def score(self, item: Item) -> str:
        return words.score_words(item)

    # --- One item -------------------------------------------------------------------------

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Item | None:
        item = super().get_object(request, object_id, from_field)
        if item is not None:
            item.looked_at_by = actor_of(request).label  # type: ignore[attr-defined]
        return item

    def row_shown(self, request: HttpRequest, obj: Item) -> dict[str, Any]:
        """Its own history, which knows more than the audit log: who a tool spoke for."""
        events, more = story.timeline(obj, TIMELINE_ROWS.value)
        return {
            "portal": self,
            "editing": EDIT in request.GET or request.method == "POST",
            "events": events,
            "older_events": more,
            **self.panel_context(request, obj),
        }

    def panel_context(self, request: HttpRequest, obj: Item) -> Mapping[str, Any]:
        if EDIT in request.GET:
            return {}
        return page.of(obj, actor_of(request), request.GET)

    # --- Forms ----------------------------------------------------------------------------

    def get_fields(self, request: HttpRequest, obj: Item | None = None) -> Any:
        """The backlog's own fields where the item is, or may come, on the backlog."""
        if obj is None:
            return item_forms.ADDED if "in_backlog" in request.GET else item_forms.NEW
        on_backlog = obj.in_backlog or obj.project.is_operations
        return item_forms.EDITED if on_backlog else item_forms.PLAIN

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        fields = form_class.base_fields
        if "item_type" in fields:
            project = obj.project if obj is not None else None
            fields["item_type"] = forms.ChoiceField(
                choices=item_forms.type_choices(project),
                initial="task",
                label="Type",
                label_suffix="",
            )
        if "priority" in fields:
            fields["priority"] = forms.TypedChoiceField(
                choices=item_forms.priority_choices(), coerce=int, initial=2, label_suffix=""
            )
        if "project" in fields:
            rows = fields["project"].queryset.in_use().shared()
            workspace = workspace_of(request)
            rows = rows.filter(workspace=workspace) if workspace is not None else rows
            fields["project"].queryset = rows
            fields["project"].initial = rows.first() if obj is None else None
            fields["project"].empty_label = None
        return form_class

    def service_save(
        self, request: HttpRequest, obj: Item, form: forms.ModelForm[Item], change: bool
    ) -> Item:
        actor, data = actor_of(request), dict(form.cleaned_data)
        labels = data.pop("labels", []) or []
        if change:
            data.pop("parent_key", None)
            return services.update_item(obj, actor=actor, set_labels=labels, **data)
        project, parent = data.pop("project"), data.pop("parent_key", None)
        return services.create_item(project, actor=actor, parent=parent, labels=labels, **data)

    def service_delete(self, request: HttpRequest, obj: Item) -> None:
        services.delete_items([obj], actor=actor_of(request), reason="deleted in the console")

    # --- The next step --------------------------------------------------------------------

    @button(label="Claim", action="work.claim", when=_not_claimable)
    def claim(self, request: HttpRequest, item: Item, reason: str) -> str:
        services.claim(item, actor=actor_of(request))
        return f"{item.key} is yours."

    @button(
        label="Close",
        action="work.close",
        confirm="Say what came of it: whoever waits for it reads this.",
        reason=True,
        when=_not_closable,
    )
    def close(self, request: HttpRequest, item: Item, reason: str) -> str:
        services.close_item(item, actor=actor_of(request), reason=reason)
        return f"{item.key} is closed."

    @button(
        label="Reopen",
        action="work.reopen",
        reason=True,
        confirm="What waits for it waits again.",
        when=lambda item: "" if item.category == "done" else IDLE,
    )
    def reopen(self, request: HttpRequest, item: Item, reason: str) -> str:
        services.reopen_item(item, actor=actor_of(request), reason=reason)
        return f"{item.key} is open again."

    @button(quiet=True, label="Put back", action="work.update", when=_not_held)
    def put_back(self, request: HttpRequest, item: Item, reason: str) -> str:
        services.update_item(item, actor=actor_of(request), status="open", assignee="")
        return f"{item.key} is for anybody again."

    @button(quiet=True, label="Put off…", action="work.update", when=_put_off)
    def put_off(self, request: HttpRequest, item: Item, reason: str) -> HttpResponse:
        asked = urlencode({"item": item.uid, "next": self.object_url(item)})
        return HttpResponseRedirect(f"{reverse('work:many', args=('defer',))}?{asked}")

    @button(quiet=True, label="Take up again", action="work.update", when=_not_put_off)
    def undefer(self, request: HttpRequest, item: Item, reason: str) -> str:
        services.undefer_item(item, actor=actor_of(request))
        return f"{item.key} is open."

    @button(
        quiet=True,
        label="Close over open work",
        action="work.force",
        confirm="What stands before it, or under it, stays open. It is recorded as forced.",
        reason=True,
        when=_nothing_to_force,
    )
    def close_anyway(self, request: HttpRequest, item: Item, reason: str) -> str:
        services.close_item(item, actor=actor_of(request), reason=reason, force=True)
        return f"{item.key} is closed over open work."
