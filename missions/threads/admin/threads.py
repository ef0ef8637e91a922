"""Threads: the list of who talks to whom and where it sticks, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access.models import User
from controlplane.audit.models import AuditEvent
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import Place, ShownButton, bulk, button
from controlplane.base.admin.changelist import NamedRelatedFilter
from controlplane.base.web import actor_of
from controlplane.work.models import Item
from missions.admin.forms import PersonField
from missions.threads import services
from missions.threads.admin.common import here, members
from missions.threads.admin.filters import PEOPLE, STANDING, WAKES
from missions.threads.models import Message, Thread
from missions.threads.services import pausing
from missions.threads.services.walking import OVERRIDES
from missions.threads.shown import glance, page

OVERRIDE = OVERRIDES[0]
if TYPE_CHECKING:
    _Stock = forms.ModelForm[Thread]
else:  # generic for the type checker only
    _Stock = forms.ModelForm


def _only(*statuses: str) -> Any:
    """Why a thread in another state has no use for it."""

    def refusal(row: Thread) -> str:
        return "" if row.status in statuses else f"It is {row.get_status_display().lower()}."

    return refusal


def _may_pause(row: Thread) -> str:
    if not row.is_open:
        return "It is closed."
    return "Its wakes are paused already." if row.wakes_paused else ""


def _may_go_on(row: Thread) -> str:
    return "" if row.wakes_paused else "Its wakes are not paused."


def _may_archive(row: Thread) -> str:
    if row.status != Thread.Status.CLOSED:
        return "It is open."
    return "It is put away already." if row.archived_at else ""


class ThreadForm(_Stock):
    owner = PersonField(queryset=User.objects.none(), required=False)
    escalation_owner = PersonField(
        queryset=User.objects.none(), required=False, label="Asked when it is stuck",
        help_text="Nobody named: the owner.",
    )  # fmt: skip

    class Meta:
        model = Thread
        fields = ("title", "owner", "escalation_owner", "item")
        labels = {"item": "Work item"}


@admin.register(Thread)
class ThreadAdmin(ModelAdmin[Thread]):
    view_action = "thread.view"
    change_action = "thread.change"
    about = "What agents say to each other, who is waited for, and where it sticks."
    tabs = (
        ("Open", "standing=open"),
        ("Blocked", "standing=blocked"),
        ("Waiting for a reader", "standing=unread"),
        ("With findings", "standing=findings"),
        ("Resolved", "standing=resolved"),
        ("Closed", "standing=closed"),
        ("All", "view=all"),
    )
    empty = "No thread here."
    empty_hint = "Agents begin one: POST /api/v1/threads, or create_thread at /mcp."
    list_display = [
        "what", "status", "people", "waits", "found", "last", "last_message_at",
        "woken",
    ]  # fmt: skip
    phone_columns = ("status", "waits", "last_message_at")
    list_filter = (
        STANDING, WAKES, PEOPLE, "status", "kind", ("owner", NamedRelatedFilter),
    )  # fmt: skip
    list_per_page = 25
    list_select_related = ["owner"]
    search_fields = ["ref", "title"]
    in_palette = True
    form = ThreadForm
    edit_fields = ("title", "owner", "escalation_owner", "item")
    change_form_template = "threads/row.html"
    change_list_template = "threads/list.html"
    row_parts: ClassVar[Mapping[str, str]] = {
        "talk": "threads/_talk.html", "side": "threads/_aside.html",
    }  # fmt: skip
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Thread", "kind": "Type", "people": "Who takes part", "waits": "Waited for",
        "found": "Findings", "last": "Said last", "woken": "Wakes",
        "escalation_owner": "Asked when it is stuck", "status_at": "Since",
        "last_message_at": "Last message", "status_reason": "Because", "item": "Work item",
        "created_by": "Begun by", "created_at": "Begun", "archived_at": "Put away",
        "cleared_at": "Messages removed",
        "last_seq": "Messages", "idle_turns": "Turns without progress",
    }  # fmt: skip
    head_state = "status"
    head_owner = "owner"
    head_clocks = ("status_at", "last_message_at")
    facts = (
        *("status", "owner", "ref", "kind", "escalation_owner", "item", "status_at"),
        *("last_message_at", "last_seq", "idle_turns", "created_by", "created_at", "archived_at"),
        *("cleared_at", "uid"),
    )

    # --- The list -------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows if request.resolver_match is None or _is_row(request) else glance.told(rows)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """A ref finds its thread; anything else words of titles, or of what was said."""
        term = search_term.replace("\x00", "").strip()[:100]
        number = term.upper().removeprefix("THR-")
        if number != term.upper() and number.isascii() and number.isdigit():
            return queryset.filter(ref=f"THR-{number[:9]}"), False
        if not term:
            return queryset, False
        titled, _ = super().get_search_results(request, queryset, search_term)
        said = Message.objects.annotate(words=SearchVector("body", config="simple")).filter(
            thread=OuterRef("pk"), words=SearchQuery(term, config="simple")
        )
        return queryset.filter(Exists(said)) | titled, False

    @admin.display(description="Thread", ordering="id")
    def what(self, obj: Thread) -> SafeString:
        return format_html(
            '<code class="small th-ref">{}</code> {}<span class="th-kind">{}</span>',
            obj.ref, obj.title[:120], obj.get_kind_display(),
        )  # fmt: skip

    @admin.display(description="Who takes part")
    def people(self, obj: Thread) -> SafeString:
        return glance.people(obj)

    @admin.display(description="Waited for")
    def waits(self, obj: Thread) -> SafeString | str:
        return glance.waits(obj)

    @admin.display(description="Findings")
    def found(self, obj: Thread) -> SafeString | str:
        return glance.findings(obj)

    @admin.display(description="Last message", ordering="last_message_at")
    def last(self, obj: Thread) -> SafeString | str:
        return glance.last(obj)

    @admin.display(description="Wakes")
    def woken(self, obj: Thread) -> SafeString | str:
        return glance.wakes(obj)

    # --- One of them ----------------------------------------------------------------------

    def whole(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .select_related("owner", "escalation_owner", "workspace", "item__project")
        )

    def heading(self, obj: Thread) -> str:
        return f"{obj.ref} {obj.title}"

    def story(self, request: HttpRequest, obj: Thread) -> Any:
        """What was done to it. What was said in it stands above."""
        rows = AuditEvent.objects.visible_to(actor_of(request)).about(obj)
        return rows.exclude(action="thread.post")

    def panel_context(self, request: HttpRequest, obj: Thread) -> Mapping[str, Any]:
        return page.panel(obj, request)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        for name in ("owner", "escalation_owner"):
            if name in form.base_fields:
                form.base_fields[name].queryset = members(request)
        if "item" in form.base_fields:
            form.base_fields["item"].queryset = _items(request)
        return form

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """What its state has no use for is not there at all."""
        found = super()._shown(request, place, obj)
        if place != "detail" or obj is None:
            return found
        useless = {entry for entry in _STATES if _STATES[entry](obj)}
        kept = [one for one in found if one.name not in useless]
        if obj.is_open and any(one.name == "edit" and not one.refusal for one in kept):
            url = reverse("missions:threads:people", args=(obj.uid,))
            kept.append(ShownButton("people", "Who takes part…", url, "", asks=False,
                                    icon="users", leads=True))  # fmt: skip
        return sorted(kept, key=lambda one: (bool(one.refusal), not one.primary))

    # --- Writes -----------------------------------------------------------------------------

    def service_save(
        self, request: HttpRequest, obj: Thread, form: forms.ModelForm[Thread], change: bool
    ) -> Thread:
        return services.change_thread(obj, actor=actor_of(request), **form.cleaned_data)

    def _move(self, request: HttpRequest, obj: Thread, to: str, reason: str) -> str:
        row = services.update_status(
            obj, to, actor=actor_of(request), reason=reason, version=obj.version
        )
        return f"{row.ref} is {row.get_status_display().lower()}."

    @button(
        label="Unblock", action="thread.unblock", reason=True, when=_only("blocked"),
        confirm="Say why it may go on. Agents write again, and the guards count anew.",
    )  # fmt: skip
    def unblock(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        return self._move(request, obj, "active", reason)

    @button(
        label="Resolve", action="thread.resolve", reason=True, when=_only("active"),
        confirm="Say what came of it. Whoever takes part reads it in the thread.",
    )  # fmt: skip
    def resolve(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        return self._move(request, obj, "resolved", reason)

    @button(
        label="Close", action="thread.close", when=_only("resolved"),
        confirm="A closed thread takes no message and is not opened again.",
    )  # fmt: skip
    def close(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        return self._move(request, obj, "closed", reason)

    @button(
        label="Open again", action="thread.reopen", reason=True, quiet=True,
        when=_only("resolved"), confirm="Say why it goes on.",
    )  # fmt: skip
    def reopen(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        return self._move(request, obj, "active", reason)

    @button(
        label="Block", action="thread.escalate", reason=True, quiet=True, when=_only("active"),
        confirm="Agents fall silent there until somebody unblocks it; people and coordinators"
        " write on. Say what is in the way.",
    )  # fmt: skip
    def block(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        return self._move(request, obj, "blocked", reason)

    @button(
        label="Pause its wakes", action="thread.pause", reason=True, quiet=True, when=_may_pause,
        confirm="Nobody is woken for what is said there. Messages wait until somebody reads.",
    )  # fmt: skip
    def pause(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        pausing.pause_thread(obj, actor=actor_of(request), paused=True, reason=reason)
        return "Nobody is woken for this thread until it goes on."

    @button(label="Wake again", action="thread.pause", quiet=True, when=_may_go_on)
    def go_on(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        pausing.pause_thread(obj, actor=actor_of(request), paused=False)
        return "Whoever sleeps is woken again."

    @button(
        label="Close at once", action="thread.override", reason=True, typed=True,
        when=_only("active", "blocked"),
        confirm="Past its states and whatever is open in it. It takes no message afterwards. What"
        " you write is kept as a person's own decision.",
    )  # fmt: skip
    def override(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        why = reason if reason.startswith(OVERRIDE) else f"{OVERRIDE} {reason}"
        return self._move(request, obj, "closed", why)

    @button(label="Put away", action="thread.archive", quiet=True, when=_may_archive)
    def archive(self, request: HttpRequest, obj: Thread, reason: str) -> str:
        pausing.archive_thread(obj, actor=actor_of(request))
        return f"{obj.ref} is put away."

    @bulk(label="Resolve", action="thread.resolve", reason=True)
    def resolve_chosen(self, request: HttpRequest, obj: Thread, reason: str) -> None:
        services.update_status(obj, "resolved", actor=actor_of(request), reason=reason)

    @bulk(label="Pause wakes", action="thread.pause", reason=True)
    def pause_chosen(self, request: HttpRequest, obj: Thread, reason: str) -> None:
        pausing.pause_thread(obj, actor=actor_of(request), paused=True, reason=reason)

    @bulk(label="Put away", action="thread.archive")
    def archive_chosen(self, request: HttpRequest, obj: Thread, reason: str) -> None:
        pausing.archive_thread(obj, actor=actor_of(request))


_STATES = {
    "unblock": _only("blocked"), "resolve": _only("active"), "close": _only("resolved"),
    "reopen": _only("resolved"), "block": _only("active"), "pause": _may_pause,
    "go_on": _may_go_on, "override": _only("active", "blocked"), "archive": _may_archive,
    "edit": lambda row: "" if row.is_open else "It is closed.",
}  # fmt: skip


def _is_row(request: HttpRequest) -> bool:
    return "object_id" in (request.resolver_match.kwargs if request.resolver_match else {})


def _items(request: HttpRequest) -> Any:
    """The latest open ones, enough to choose from."""
    rows = Item.objects.visible_to(actor_of(request)).filter(workspace_id__in=here(request))
    latest = rows.exclude(status="closed").order_by("-id").values("pk")[:200]
    return Item.objects.filter(pk__in=latest).order_by("-id")
