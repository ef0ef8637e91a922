"""Windows: listed, planned, described, walked to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import ListView, NowView, PortalRequest
from controlplane.lib.errors import NotFound
from deployments.api.forms import LongReason
from deployments.maintenance import checks, services, standing
from deployments.maintenance.api import forms
from deployments.models import MaintenanceWindow

VIEW, PLAN, CHANGE = "maintenance.view", "maintenance.plan", "maintenance.change"
RUN = "maintenance.run"


class WindowFilter(PortalFilterSet):
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    kind = django_filters.ChoiceFilter(choices=MaintenanceWindow.Kind.choices)
    owner = django_filters.ChoiceFilter(choices=MaintenanceWindow.Owner.choices)
    status = django_filters.ChoiceFilter(choices=MaintenanceWindow.Status.choices)
    open = BooleanFilter(method="whether_open")
    now = BooleanFilter(method="whether_now")

    def whether_open(self, rows: Any, name: str, value: bool) -> Any:
        return rows.open() if value else rows.ended()

    def whether_now(self, rows: Any, name: str, value: bool) -> Any:
        now = MaintenanceWindow.objects.at().values("pk")
        return rows.filter(pk__in=now) if value else rows.exclude(pk__in=now)


class WindowsView(ListView):
    """Maintenance windows of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": PLAN}
    output = forms.WindowRow
    inputs = {"POST": forms.WindowNew}
    outputs = {"POST": forms.WindowRow}
    filterset = WindowFilter
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return MaintenanceWindow.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Plan a window: a draft with its work item, and subtasks from templates"""
        values = forms.resolved(request, self.read(request))
        made = services.plan_window(request.workspace, actor=request.actor, **values)
        return created(self.show(made), f"{request.path}/{made.ref}")


class OneWindow(NowView):
    output = forms.WindowWhole
    lookup = "ref"
    version = ("version",)
    tags = forms.TAGS
    extra_columns = ("id",)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = MaintenanceWindow.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related(
            "environment", "workspace", "item", "review", "watcher", "approval"
        )

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        window = MaintenanceWindow.objects.select_related(
            "environment", "workspace", "item", "approval", "watcher"
        ).get(pk=row.pop("id"))
        parts = window.parts.order_by("service__slug")
        row["services"] = list(parts.values_list("service__slug", flat=True))
        row["checks"] = [
            {
                "slug": each.slug,
                "title": each.title,
                "state": each.state,
                "said": each.said,
                "mend": each.mend,
            }
            for each in checks.pending(window)
        ]
        return row

    def stated(self, request: Any, row: MaintenanceWindow) -> dict[str, Any]:
        """The version the caller says to have seen, for the service."""
        seen = self.seen(request, row, {"ref": row.ref})
        return {} if seen is None else {"version": seen}

    def answer(self, request: Any, ref: str) -> HttpResponse:
        """As it stands now."""
        return JsonAnswer(self.show(self.rows(request).get(ref=ref)))


class WindowView(OneWindow):
    """One window: what it is, where it stands, what is missing and who mends it."""

    actions = {"GET": VIEW, "PATCH": CHANGE}
    inputs = {"PATCH": forms.WindowChange}
    outputs = {"PATCH": forms.WindowWhole}
    if_match = {"PATCH": "optional"}
    errors = (409,)

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Say what a window is; consent that was given to something else falls"""
        row = self.object(request, {"ref": ref})
        values = forms.resolved(request, self.read(request))
        services.change_window(row, actor=request.actor, **self.stated(request, row), **values)
        return self.answer(request, ref)


class _Verb(OneWindow):
    """One move of a window."""

    service: ClassVar[Callable[..., Any]]
    changes: ClassVar[bool] = True  # the window itself, so its version is compared
    outputs = {"POST": forms.WindowWhole}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409, 422)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        seen = self.stated(request, row) if self.changes else {}
        type(self).service(row, actor=request.actor, **seen, **self.read(request))
        return self.answer(request, ref)


def verb(
    name: str,
    action: str,
    service: Callable[..., Any],
    words: str,
    form: Any = NoInput,
    *,
    changes: bool = True,
) -> type[_Verb]:
    """A route of its own for each move: what may be sent and who may send it is documented."""
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
        "changes": changes,
    }
    return type(f"Window{name}View", (_Verb,), attributes)


ScheduleView = verb(
    "Schedule", PLAN, services.schedule,
    "Give it the time it has; every notice is laid out with it.", forms.Override,
)  # fmt: skip
RescheduleView = verb(
    "Reschedule", CHANGE, services.reschedule,
    "Give it another time. Whoever was told of the old one is told at once; consent falls.",
    forms.Reschedule,
)  # fmt: skip
AnnounceView = verb(
    "Announce", "maintenance.announce", services.announce,
    "Say what is due now, or the first notice before its day.",
)  # fmt: skip
TestedView = verb(
    "Tested", CHANGE, services.record_test,
    "Record that the way back was tested in staging, and what shows it.", forms.WindowTest,
)  # fmt: skip
AskView = verb(
    "Ask", PLAN, services.ask_consent, "Ask for consent, once everything is there to be signed."
)
WaiveView = verb(
    "Waive", "maintenance.waive", services.waive,
    "Let it go without a rule; the reason stays on the record.", forms.WaiveRule,
)  # fmt: skip
StartView = verb(
    "Start", RUN, services.start,
    "Begin. Everything is looked at once more, everybody is told, alerts of its services are"
    " silent.",
)  # fmt: skip
FinishView = verb(
    "Finish", RUN, services.finish, "The work is done; four hours are watched.", forms.Outcome
)
RollbackView = verb(
    "Rollback", "maintenance.rollback", services.roll_back,
    "Take it back; the window ends with that.", LongReason,
)  # fmt: skip
CloseView = verb(
    "Close", RUN, services.close,
    "Close it: after the watch, with every subtask closed.", LongReason,
)  # fmt: skip
CancelView = verb(
    "Cancel", CHANGE, services.cancel,
    "It will not be. Whoever was told of it is told so.", LongReason,
)  # fmt: skip
RemarkView = verb(
    "Remark", CHANGE, services.remark,
    "Write into its thread: an expedited approval, a mitigation, a follow-up, evidence.",
    forms.Remark, changes=False,
)  # fmt: skip


def window_of(request: Any, ref: str) -> MaintenanceWindow:
    rows = MaintenanceWindow.objects.visible_to(request.actor).of(request.workspace)
    found: MaintenanceWindow | None = (
        rows.select_related("environment", "workspace", "item").filter(ref=ref).first()
    )
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found


class NoticesView(ListView):
    """What is said of a window: where, when, and whether it left."""

    actions = {"GET": VIEW}
    output = forms.NoticeRow
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = window_of(request, self.kwargs["ref"]).notices.all()
        return rows


class TasksView(NowView):
    """The subtasks of a window, in order."""

    actions = {"GET": VIEW, "POST": CHANGE}
    output = forms.Tasks
    inputs = {"POST": forms.TasksNew}
    outputs = {"POST": forms.Tasks}
    statuses = {"POST": 200}
    tags = forms.TAGS
    errors = (409,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        """Subtasks, with how each stands"""
        return self._told(window_of(request, ref))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Split the work: titles of one's own, or a template's"""
        window = window_of(request, ref)
        services.add_tasks(window, actor=request.actor, **self.read(request))
        return self._told(window)

    @staticmethod
    def _told(window: MaintenanceWindow) -> HttpResponse:
        return JsonAnswer({"tasks": [forms.task_row(item) for item in standing.tasks(window)]})


class TaskView(TasksView):
    """One subtask of a window."""

    actions = {"POST": CHANGE}
    inputs = {"POST": forms.TaskMove}

    def post(self, request: Any, ref: str, key: str) -> HttpResponse:  # type: ignore[override]
        """A subtask begins, or is done, with what shows it"""
        window = window_of(request, ref)
        item = next((each for each in standing.tasks(window) if each.key == key), None)
        if item is None:
            raise NotFound("It has no such subtask.")
        services.move_task(window, item, actor=request.actor, **self.read(request))
        return self._told(window)


class FollowUpsView(TasksView):
    """What a window leaves to do."""

    actions = {"POST": CHANGE}
    inputs = {"POST": forms.FollowUps}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Make temporary work items of their own, linked to the window's"""
        window = window_of(request, ref)
        made = services.follow_up(window, actor=request.actor, **self.read(request))
        return JsonAnswer({"tasks": [forms.task_row(item) for item in made]})
