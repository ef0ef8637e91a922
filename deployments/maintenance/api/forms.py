"""What is sent and what is answered about windows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.serializers import StrictSerializer
from controlplane.catalog.models import Service
from controlplane.work.models import Item
from deployments.api.forms import LongReason, place, text
from deployments.maintenance.checks import WAIVABLE
from deployments.maintenance.services.tasks import REMARKS
from deployments.maintenance.templates import TEMPLATES
from deployments.models import MaintenanceWindow, Notice
from deployments.services.reading import refuse

TAGS = ["maintenance"]


class WindowFields(StrictSerializer):
    """What it is. What is left out is as it was, or empty."""

    title = serializers.CharField(max_length=200, required=False)
    about = text(max_length=16_000, help_text="what users are told")
    services = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        help_text="slugs; none is all that runs in the environment",
    )
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)
    user_facing = serializers.BooleanField(required=False)
    rollback_plan = text(max_length=16_000, help_text="required before it is approved")
    trigger = serializers.ChoiceField(
        choices=["cve", "data_integrity", "partner_mandate"], required=False
    )
    urgency = text(max_length=500)
    impact = text(max_length=500)
    watcher = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")


class WindowNew(WindowFields):
    title = serializers.CharField(max_length=200)
    environment = serializers.CharField(max_length=50)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=MaintenanceWindow.Kind.choices, required=False)
    partner = text(max_length=120, help_text="whose it is, where it isn't ours")
    templates = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(TEMPLATES)), required=False
    )


class WindowChange(WindowFields):
    pass


class Waived(StrictSerializer):
    rule = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.CharField()


class WindowRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=MaintenanceWindow.Kind.choices)
    owner = serializers.ChoiceField(choices=MaintenanceWindow.Owner.choices)
    partner = serializers.CharField()
    status = serializers.ChoiceField(choices=MaintenanceWindow.Status.choices)
    environment = serializers.CharField(source="environment.slug")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    user_facing = serializers.BooleanField()
    item = serializers.CharField(source="item.key", allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    monitor_until = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    revision = serializers.IntegerField()
    version = serializers.IntegerField()


class CheckRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(
        choices=["holds", "missing", "waits", "waived", "does not apply"]
    )
    said = serializers.CharField()
    mend = serializers.CharField(help_text="who can mend it, and how")


class WindowWhole(WindowRow):
    about = serializers.CharField()
    services = serializers.ListField(child=serializers.CharField(), source="*")
    rollback_plan = serializers.CharField()
    tested_in_staging = serializers.BooleanField()
    test_evidence = serializers.CharField()
    tested_by = serializers.CharField()
    tested_at = serializers.DateTimeField(allow_null=True)
    trigger = serializers.CharField()
    urgency = serializers.CharField()
    impact = serializers.CharField()
    waived = Waived(many=True)
    watcher = serializers.UUIDField(source="watcher.uid", allow_null=True)
    approval = serializers.UUIDField(source="approval.uid", allow_null=True)
    review = serializers.CharField(source="review.key", allow_null=True)
    close_reason = serializers.CharField()
    checks = serializers.ListField(
        child=CheckRow(), source="*", help_text="what is asked on the way to its next steps"
    )


class NoticeRow(StrictSerializer):
    revision = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Notice.Kind.choices)
    channel = serializers.ChoiceField(choices=Notice.Channel.choices)
    due_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=Notice.State.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    folded_into = serializers.CharField()


class TaskRow(StrictSerializer):
    key = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField()
    category = serializers.CharField()
    assignee = serializers.CharField()
    closed_at = serializers.DateTimeField(allow_null=True)
    close_reason = serializers.CharField()


class Tasks(StrictSerializer):
    tasks = TaskRow(many=True)


class Titles(StrictSerializer):
    titles = serializers.ListField(child=serializers.CharField(max_length=500), required=False)


class TasksNew(Titles):
    template = serializers.ChoiceField(choices=sorted(TEMPLATES), required=False)


class FollowUps(StrictSerializer):
    titles = serializers.ListField(child=serializers.CharField(max_length=500))
    part_of = serializers.BooleanField(
        default=False, help_text="a part of the window's work, not only found by it"
    )


class TaskMove(StrictSerializer):
    to = serializers.ChoiceField(choices=["in_progress", "done"])
    remark = text(max_length=4_000, help_text="what shows it")


class Remark(StrictSerializer):
    kind = serializers.ChoiceField(choices=sorted(REMARKS))
    text = serializers.CharField(max_length=16_000)


class WindowTest(StrictSerializer):
    evidence = serializers.CharField(max_length=4_000)


class Override(StrictSerializer):
    override = text(
        max_length=500, help_text="why without the two weeks or the quiet hours, if one may"
    )


class Reschedule(Override):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500)


class WaiveRule(LongReason):
    rule = serializers.ChoiceField(choices=sorted(WAIVABLE))


class Outcome(StrictSerializer):
    outcome = text(max_length=500)


def resolved(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Places, services and people by what the outside calls them."""
    if "environment" in values:
        values["environment"] = place(request, values["environment"])
    if "services" in values:
        values["services"] = [_service(request, slug) for slug in values["services"]]
    if values.get("watcher") is not None:
        members = User.objects.filter(memberships__workspace=request.workspace)
        values["watcher"] = members.filter(uid=values["watcher"]).first()
        if values["watcher"] is None:
            raise refuse("watcher", "Nobody of this workspace.")
    return values


def _service(request: Any, slug: str) -> Service:
    found: Service | None = Service.objects.filter(workspace=request.workspace, slug=slug).first()
    if found is None:
        raise refuse("services", f"There is no service {slug}.")
    return found


def task_row(item: Item) -> dict[str, Any]:
    return {
        "key": item.key,
        "title": item.title,
        "status": item.status,
        "category": item.category,
        "assignee": item.assignee,
        "closed_at": item.closed_at,
        "close_reason": item.close_reason,
    }
