"""Threads: listed, begun, changed, moved, summed up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import django_filters
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.rows import Form
from controlplane.base.api.views import ListView, NowView, PortalRequest
from controlplane.lib.errors import Invalid, NotFound
from controlplane.work.api.common import named_in_body
from missions.threads import drafts, services
from missions.threads.api import examples, forms
from missions.threads.api.finding import NOT_HERE, number_of, uid_in
from missions.threads.models import Message, Participant, Thread
from missions.threads.services import pausing

VIEW = "thread.view"
# What of a payload names its sender; an agent or a role in it is somebody acted upon.
SENDER = ("workspace_id", "session_id")


class ThreadFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Thread.Status.choices)
    type = django_filters.ChoiceFilter(field_name="kind", choices=Thread.Kind.choices)
    mine = BooleanFilter(method="whether_mine", help_text="Where one takes part, or is the owner.")
    item = django_filters.CharFilter(method="of_item", max_length=120)
    q = django_filters.CharFilter(method="with_words", max_length=200)
    archived = BooleanFilter(method="whether_archived")

    def whether_mine(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        actor = self.request.actor
        mine = Q(pk__in=[])  # a service owns none
        if actor.user_id is not None:
            mine = Q(owner_id=actor.user_id) | Q(escalation_owner_id=actor.user_id)
        if actor.kind == "agent":
            here = Participant.objects.present().filter(agent_id=actor.agent_id)
            mine = Q(Exists(here.filter(thread=OuterRef("pk"))))
        return rows.filter(mine) if value else rows.exclude(mine)

    def of_item(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        uid = uid_in(value)
        return rows.filter(item__uid=uid) if uid else rows.filter(item__key__iexact=value)

    def with_words(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        words = SearchQuery(value, config="simple", search_type="websearch")
        said = Message.objects.annotate(words=SearchVector("body", config="simple"))
        spoken = said.filter(thread=OuterRef("pk"), words=words)
        return rows.filter(Q(title__icontains=value) | Q(ref__iexact=value) | Exists(spoken))

    def whether_archived(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(archived_at__isnull=not value)


class _Threads:
    tags: ClassVar[Sequence[str]] = forms.TAGS
    output: ClassVar[Form] = forms.ThreadRow
    sender_fields: ClassVar[Collection[str]] = SENDER

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Thread.objects.visible_to(request.actor).filter(workspace=request.workspace)


class ThreadsView(_Threads, ListView):
    """Threads of the workspace: of agents those they take part in."""

    actions = {"GET": VIEW, "POST": "thread.create"}
    inputs = {"POST": forms.ThreadNew}
    outputs = {"POST": forms.ThreadWhole}
    filterset = ThreadFilter
    sorts = {"newest": ("-id",), "lively": ("-last_seq", "-id"), "oldest": ("id",)}
    examples = {"POST": examples.THREAD}

    def post(self, request: Any) -> HttpResponse:
        """Begin a thread"""
        values = resolved(request, self.read(request))
        wanted = [
            (forms.agent_of(request.workspace, each["agent_id"], "participants"),
             each.get("role", ""))
            for each in values.pop("participants", [])
        ]  # fmt: skip
        kind = values.pop("type")
        row = services.create_thread(
            request.workspace, actor=request.actor, kind=kind, participants=wanted, **values
        )
        return created(_whole(self, row), f"{request.path}/{row.uid}")


def resolved(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """People and the work item by name, if they are of this workspace."""
    drafts.require_version(values)
    values.pop("schema_version", None)
    named_in_body(request, values, "item")
    for field in ("owner", "escalation_owner"):
        if values.get(field) is not None:
            members = User.objects.filter(
                memberships__workspace=request.workspace, memberships__left_at=None
            )
            values[field] = members.filter(uid=values[field]).first()
            if values[field] is None:
                sentence = "Nobody of this workspace."
                raise Invalid(f"{field}: {sentence}", details={field: sentence})
    return values


def participants(row: Thread) -> list[dict[str, Any]]:
    rows = Participant.objects.filter(thread=row).select_related("agent").order_by("pk")
    return [participant(each) for each in rows]


def participant(row: Participant) -> dict[str, Any]:
    return {
        "agent_id": row.agent.uid,
        "name": row.agent.name,
        "role": row.role,
        "wakes": row.wakes,
        "last_read_seq": row.last_read_seq,
        "joined_at": row.joined_at,
        "left_at": row.left_at,
    }


def _whole(view: Any, row: Thread) -> dict[str, Any]:
    return {**view.show(row), "participants": participants(row)}


class OneThread(_Threads, NowView):
    """A route about one thread, named by uid or ref."""

    lookup = "thread"
    version = ("version",)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return super().rows(request).select_related("workspace", "owner", "escalation_owner",
                                                    "item")  # fmt: skip

    def _found(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        uid = uid_in(value)
        found = rows.filter(uid=uid) if uid else rows.filter(ref=value[:16].upper())
        return found.order_by()

    def thread(self, request: Any, name: str) -> Thread:
        row: Thread | None = self._found(self.rows(request), name).first()
        if row is None:
            raise NotFound(NOT_HERE)
        return row

    def whole(self, row: Thread) -> HttpResponse:
        answer = JsonAnswer(_whole(self, row))
        answer["ETag"] = self.tag_of(row, {self.lookup: self.kwargs[self.lookup]})
        return answer


class ThreadView(OneThread):
    """One thread and who takes part in it."""

    actions = {"GET": VIEW, "PATCH": "thread.change"}
    inputs = {"PATCH": forms.ThreadChange}
    outputs = {"GET": forms.ThreadWhole, "PATCH": forms.ThreadWhole}
    if_match = {"PATCH": "optional"}
    examples = {"PATCH": examples.CHANGE}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """One thread, with who takes part and how far each has read"""
        return self.whole(self.thread(request, kwargs["thread"]))

    def patch(self, request: Any, thread: str) -> HttpResponse:
        """Change its title, its owners or its work item; what is left out stays"""
        row = self.thread(request, thread)
        seen = self.seen(request, row, {"thread": thread})
        values = resolved(request, self.read(request))
        return self.whole(services.change_thread(row, actor=request.actor, version=seen, **values))


class ThreadStatusView(OneThread):
    """Move a thread: resolve, block, unblock, open again, close."""

    actions = {"POST": "thread.resolve"}
    inputs = {"POST": forms.ThreadStatusSet}
    outputs = {"POST": forms.ThreadWhole}
    if_match = {"POST": "optional"}
    examples = {"POST": examples.STATUS}

    def post(self, request: Any, thread: str) -> HttpResponse:
        """Move a thread

        The state it is in already is no error. Of two who move it at once, the first wins and the
        second gets CONFLICT; so does whoever names a `version` that has passed.
        """
        row = self.thread(request, thread)
        values = self.read(request)
        drafts.require_version(values)
        version = values.get("version")
        if version is None:
            version = self.seen(request, row, {"thread": thread})
        done = services.update_status(
            row, values["status"], actor=request.actor, reason=values.get("reason", ""),
            version=version,
        )  # fmt: skip
        return self.whole(done)


class ThreadArchiveView(OneThread):
    """Put a closed thread away: out of sight, readable by whoever looks for it."""

    actions = {"POST": "thread.archive"}
    inputs = {"POST": forms.ThreadPutAway}
    outputs = {"POST": forms.ThreadWhole}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, thread: str) -> HttpResponse:
        """Put a closed thread away

        Put away already is no error; an open one gets CONFLICT.
        """
        row = self.thread(request, thread)
        values = self.read(request)
        drafts.require_version(values)
        reason = values.get("reason", "")
        return self.whole(pausing.archive_thread(row, actor=request.actor, reason=reason))


class ThreadSummaryView(OneThread):
    """What a thread has come to: counted, not guessed."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.ThreadSummary}
    query = ("max_messages",)
    examples = {"GET": examples.SUMMARY}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sum a thread up: findings, decisions, and who is waited for"""
        row = self.thread(request, kwargs["thread"])
        most = number_of(request._request, "max_messages", None)
        return JsonAnswer(services.summarize_thread(row, actor=request.actor, max_messages=most))
