"""What a list of items is narrowed by. Each choice is a bounded read."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from controlplane.base import cache
from controlplane.base.admin import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import defaults
from controlplane.work import vocabulary
from controlplane.work.models import Item, Project
from controlplane.work.services import checking
from controlplane.work.shown import neighbours
from controlplane.work.shown.words import status_words
from controlplane.work.web.common import read_uid

MENU_S = defaults.define(
    "work.menu_s", 30, unit="seconds", why="names offered by the filters of items may be this old"
)
# Enough of the newest work to know which names are in use.
LOOKED_AT = 2_000
OFFERED = 30
NOBODY = "-"


def mine(rows: Any, request: HttpRequest) -> Any:
    """Assigned to whoever asks, by account or by the name tools use."""
    actor = actor_of(request)
    asked = Q(assignee__iexact=actor.label)
    if actor.user_id is not None:
        asked |= Q(assignee_user_id=actor.user_id)
    return rows.filter(asked)


class Queue(admin.SimpleListFilter):
    """The questions of the tabs."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("ready", "Ready"),
            ("mine", "Mine"),
            ("waiting", "Blocked"),
            ("doing", "In progress"),
            ("overdue", "Overdue"),
            ("deferred", "Deferred"),
            ("unfinished", "Not done"),
            ("done", "Done"),
            ("unlabelled", "Without the label of its kind"),
            ("unproven", "Closed without evidence"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = str(self.value() or "")
        if asked == "mine":
            return mine(queryset, request).unfinished()
        found = _QUEUES.get(asked)
        return found(queryset) if found is not None else queryset


_QUEUES: dict[str, Any] = {
    "ready": lambda rows: rows.ready(),
    "waiting": lambda rows: rows.filter(Q(blocked=True) | Q(status="blocked")),
    "doing": lambda rows: rows.filter(status="in_progress"),
    "overdue": lambda rows: rows.overdue(),
    "deferred": lambda rows: rows.unfinished().filter(
        Q(status="deferred") | Q(defer_until__isnull=False)
    ),
    "unfinished": lambda rows: rows.unfinished(),
    "done": lambda rows: rows.filter(category="done"),
    # What the checks of every night name.
    "unlabelled": checking.lacking_label,
    "unproven": checking.without_evidence,
}


class _Named(admin.SimpleListFilter):
    """Names that the newest items use, and whichever was asked for."""

    def names(self, request: HttpRequest) -> list[str]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = self.names(request)
        asked = self.asked()
        if asked and asked not in names:
            names.append(asked)
        return [(name, self.words(name)) for name in names]

    def words(self, name: str) -> str:
        return name

    def asked(self) -> str:
        return str(self.value() or "").replace("\x00", "").strip()[:255]


def in_use(request: HttpRequest) -> dict[str, list[str]]:
    """Labels, assignees and types of the newest unfinished items, most used first."""
    workspace = workspace_of(request)
    at = workspace.pk if workspace is not None else None
    actor = actor_of(request)
    key = f"work_menu:{actor.ref}:{at}"
    return cache.cached(key, MENU_S.value, lambda: _count(actor, at))


def _count(actor: Any, workspace_id: int | None) -> dict[str, list[str]]:
    rows = Item.objects.visible_to(actor).unfinished()
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    labels: Counter[str] = Counter()
    people: Counter[str] = Counter()
    types: Counter[str] = Counter()
    newest = rows.order_by("-id").values_list("labels", "assignee", "item_type")[:LOOKED_AT]
    for found, assignee, kind in newest:
        labels.update(found)
        people.update([assignee] if assignee else [])
        types.update([kind])
    return {
        "labels": [name for name, _ in labels.most_common(OFFERED)],
        "people": [name for name, _ in people.most_common(OFFERED)],
        "types": [name for name, _ in types.most_common(OFFERED)],
    }


class Label(_Named):
    title = "label"
    parameter_name = "label"

    def names(self, request: HttpRequest) -> list[str]:
        return list(in_use(request)["labels"])

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.with_labels([self.asked()]) if self.asked() else queryset


class Assignee(_Named):
    title = "assignee"
    parameter_name = "assignee"

    def names(self, request: HttpRequest) -> list[str]:
        return [NOBODY, *in_use(request)["people"]]

    def words(self, name: str) -> str:
        return "Nobody" if name == NOBODY else name

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = self.asked()
        if not asked:
            return queryset
        return queryset.filter(assignee="") if asked == NOBODY else queryset.assigned_to(asked)


class Type(_Named):
    title = "type"
    parameter_name = "type"

    def names(self, request: HttpRequest) -> list[str]:
        used = in_use(request)["types"]
        return used + [name for name in list(vocabulary.TYPES)[:11] if name not in used]

    def words(self, name: str) -> str:
        return vocabulary.TYPES.get(name, name)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(item_type=self.asked()) if self.asked() else queryset


class Status(_Named):
    title = "status"
    parameter_name = "status"

    def names(self, request: HttpRequest) -> list[str]:
        return list(vocabulary.STATUSES)

    def words(self, name: str) -> str:
        return status_words(name)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(status=self.asked()) if self.asked() else queryset


class InProject(admin.SimpleListFilter):
    """The workspace's projects. Sandboxes and archived ones are looked into only when named."""

    title = "project"
    parameter_name = "project"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Project.objects.visible_to(actor_of(request)).in_use().shared()
        workspace = workspace_of(request)
        if workspace is not None:
            rows = rows.filter(workspace=workspace)
        found = list(rows.values_list("uid", "name")[:OFFERED])
        return [(str(uid), name) for uid, name in found]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = str(self.value() or "")
        if len(asked) == 36 and all(letter in "0123456789abcdef-" for letter in asked):
            return queryset.filter(project__uid=asked)
        return queryset.queued() if not asked else queryset.none()


class Around(admin.SimpleListFilter):
    """Those that stand around one item in one way: its page leads here when they are many."""

    title = "around"
    parameter_name = neighbours.PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.group, self.item = self._asked(request)
        if self.item is None:
            return []
        return [(str(self.value()), f"{neighbours.TITLES[self.group]} {self.item.key}")]

    def has_output(self) -> bool:
        """Also when it names nothing: then nothing stands around it, and not everything."""
        return bool(self.value())

    def _asked(self, request: HttpRequest) -> tuple[str, Item | None]:
        group, _, text = str(self.value() or "").partition(":")
        uid = read_uid(text)
        if group not in neighbours.GROUPS or uid is None:
            return "", None
        return group, Item.objects.visible_to(actor_of(request)).filter(uid=uid).first()

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        if self.item is None:
            return queryset.none()
        return neighbours.standing(queryset, self.item, self.group)


def _priority(number: int) -> Any:
    return lambda rows: rows.filter(priority=number)


Priority = question(
    "priority",
    "priority",
    {
        str(number): (f"P{number} {words}", _priority(number))
        for number, words in vocabulary.PRIORITIES.items()
    },
)


def _stage(stage: str) -> Any:
    return lambda rows: rows.backlog().filter(stage=stage)


Stage = question(
    "stage",
    "stage",
    {stage: (words, _stage(stage)) for stage, words in vocabulary.STAGES.items()}
    | {"any": ("In the backlog", lambda rows: rows.backlog())},
)

ALL: tuple[type[admin.SimpleListFilter], ...] = (
    Queue, InProject, Type, Priority, Label, Assignee, Stage, Status, Around,
)  # fmt: skip
