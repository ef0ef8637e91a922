"""What is sent and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.serializers import StrictSerializer
from controlplane.catalog.models import Component, Environment
from controlplane.lib.errors import Invalid
from deployments.flags.models import Flag
from deployments.models import Adapter, Deployment, Gate, Snapshot, Step
from deployments.services import items

TAGS = ["deployments"]


def text(**given: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, **given)


class Artifact(StrictSerializer):
    name = serializers.CharField(max_length=200)
    sha256 = serializers.CharField(max_length=71)


class Evidence(StrictSerializer):
    label = serializers.CharField(max_length=300)  # type: ignore[assignment]
    link = text(max_length=500)


class DeploymentFields(StrictSerializer):
    """What it brings. What is left out is as it was, or empty."""

    title = serializers.CharField(max_length=200, required=False)
    tier = serializers.IntegerField(min_value=1, max_value=3, required=False)
    components = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, help_text="slugs"
    )
    commit_sha = text(max_length=64)
    ci_url = text(max_length=500)
    image_tag = text(max_length=200, help_text="a version; latest is refused")
    image_digest = text(max_length=80, help_text="sha256:…")
    artifacts = Artifact(many=True, required=False)
    release_notes = text(max_length=16_000)
    rollback_plan = text(max_length=16_000, help_text="required before it is ready")
    backup_ref = text(max_length=200)
    evidence_path = text(max_length=300)
    flag = serializers.CharField(max_length=200, required=False, allow_null=True)
    branch = text(max_length=200)
    base_sha = text(max_length=64)
    scope_note = text(max_length=16_000)
    watcher = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")
    planned_at = serializers.DateTimeField(required=False, allow_null=True)
    planned_until = serializers.DateTimeField(required=False, allow_null=True)


class DeploymentNew(DeploymentFields):
    environment = serializers.CharField(max_length=50)
    release = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(choices=["standard", "canary", "hotfix"], required=False)
    hotfix_trigger = serializers.ChoiceField(
        choices=["critical_bug", "vulnerability", "outage"], required=False
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["api", "merge", "hook"], required=False
    )
    item = text(max_length=120, help_text="the work item that is there; else one is located")


class DeploymentChange(DeploymentFields):
    reason = text(max_length=500)


class DeploymentRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    environment = serializers.CharField(source="environment.slug")
    release = serializers.CharField()
    kind = serializers.ChoiceField(choices=Deployment.Kind.choices)
    tier = serializers.IntegerField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Deployment.Status.choices)
    blocked_from = serializers.CharField()
    commit_sha = serializers.CharField()
    image_tag = serializers.CharField()
    image_digest = serializers.CharField()
    item = serializers.CharField(source="item.key", allow_null=True)
    verdict = serializers.CharField()
    planned_at = serializers.DateTimeField(allow_null=True)
    planned_until = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    deployed_at = serializers.DateTimeField(allow_null=True)
    monitor_until = serializers.DateTimeField(allow_null=True)
    docs_due_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    version = serializers.IntegerField()


class GateRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    phase = serializers.ChoiceField(choices=Gate.Phase.choices)
    group = serializers.ChoiceField(choices=Gate.Group.choices)
    state = serializers.ChoiceField(choices=Gate.State.choices)
    computed = serializers.BooleanField()
    detail = serializers.CharField()
    evidence = Evidence(many=True)
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField()
    waived_by = serializers.CharField()
    reason = serializers.CharField()
    version = serializers.IntegerField()


class Gates(StrictSerializer):
    gates = GateRow(many=True)


class StepRow(StrictSerializer):
    uid = serializers.UUIDField()
    position = serializers.IntegerField()
    slug = serializers.CharField()
    kind = serializers.ChoiceField(choices=Step.Kind.choices)
    title = serializers.CharField()
    command = serializers.CharField()
    url = serializers.CharField()
    adapter = serializers.CharField(source="adapter.slug", allow_null=True)
    needs_backup = serializers.BooleanField()
    optional = serializers.BooleanField()
    state = serializers.ChoiceField(choices=Step.State.choices)
    attempt = serializers.IntegerField()
    asked_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField()
    exit_code = serializers.IntegerField(allow_null=True)
    output = serializers.CharField()
    outcome = serializers.CharField()
    version = serializers.IntegerField()


class DeploymentWhole(DeploymentRow):
    ci_url = serializers.CharField()
    artifacts = Artifact(many=True)
    release_notes = serializers.CharField()
    rollback_plan = serializers.CharField()
    backup_ref = serializers.CharField()
    evidence_path = serializers.CharField()
    flag = serializers.CharField(source="flag.flag_name", allow_null=True)
    branch = serializers.CharField()
    base_sha = serializers.CharField()
    hotfix_trigger = serializers.CharField()
    scope_note = serializers.CharField()
    watcher = serializers.UUIDField(source="watcher.uid", allow_null=True)
    previous = serializers.CharField(source="previous.ref", allow_null=True)
    reverses = serializers.CharField(source="reverses.ref", allow_null=True)
    approval = serializers.UUIDField(source="approval.uid", allow_null=True)
    verdict_words = serializers.CharField()
    documented_at = serializers.DateTimeField(allow_null=True)
    close_reason = serializers.CharField()


class Ensure(DeploymentNew):
    pass


class Ensured(StrictSerializer):
    deployment = DeploymentRow()
    created = serializers.BooleanField()


class Begin(StrictSerializer):
    override = serializers.BooleanField(
        default=False, help_text="in spite of a freeze, for those who may"
    )
    reason = text(max_length=500)


class Close(StrictSerializer):
    reason = serializers.CharField(max_length=500)
    early = serializers.BooleanField(default=False, help_text="before the watch is over")


class LongReason(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class Tick(StrictSerializer):
    holds = serializers.BooleanField(default=True)
    detail = text(max_length=500)
    evidence = Evidence(many=True, required=False)
    version = serializers.IntegerField(required=False)


class Waive(LongReason):
    version = serializers.IntegerField(required=False)


class Finish(StrictSerializer):
    worked = serializers.BooleanField(default=True)
    output = text(max_length=1_000_000, trim_whitespace=False)
    exit_code = serializers.IntegerField(required=False, min_value=-1, max_value=255)
    outcome = text(max_length=500)
    version = serializers.IntegerField(required=False)


class Seen(StrictSerializer):
    version = serializers.IntegerField(required=False)


class Run(Seen):
    adapter = serializers.CharField(max_length=50, required=False)


class StepChange(Seen):
    adapter = serializers.CharField(max_length=50, required=False)
    by_hand = serializers.BooleanField(default=False)
    url = text(max_length=500)
    command = text(max_length=4_000)


class SnapshotRow(StrictSerializer):
    uid = serializers.UUIDField()
    phase = serializers.ChoiceField(choices=Snapshot.Phase.choices)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    figures = serializers.DictField()
    taken_at = serializers.DateTimeField()
    taken_by = serializers.CharField()
    note = serializers.CharField()


class SnapshotNew(StrictSerializer):
    note = text(max_length=500)


class FreezeFields(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    reason = serializers.CharField(max_length=500, required=False)
    environments = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, help_text="slugs; none is all"
    )
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)


class FreezeNew(FreezeFields):
    title = serializers.CharField(max_length=120)
    reason = serializers.CharField(max_length=500)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class FreezeRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    reason = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    environments = serializers.ListField(child=serializers.CharField(), source="*")
    version = serializers.IntegerField()


class AdapterFields(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    argv = serializers.ListField(child=serializers.CharField(max_length=1000), required=False)
    url = text(max_length=500)
    timeout_s = serializers.IntegerField(min_value=1, max_value=7200, required=False)
    for_step = text(max_length=50)
    environments = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, help_text="slugs"
    )


class AdapterChange(AdapterFields):
    reason = text(max_length=300)


class AdapterNew(AdapterFields):
    slug = serializers.CharField(max_length=50)
    title = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=Adapter.Kind.choices)
    environments = serializers.ListField(child=serializers.CharField(max_length=50))


class AdapterRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=Adapter.Kind.choices)
    argv = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField()
    timeout_s = serializers.IntegerField()
    for_step = serializers.CharField()
    enabled = serializers.BooleanField()
    version = serializers.IntegerField()


class AdapterSecret(StrictSerializer):
    adapter = AdapterRow()
    secret = serializers.CharField(help_text="Shown this once. Commands have none.")


class AdapterSwitch(LongReason):
    on = serializers.BooleanField()


# --- Names of the outside, as rows --------------------------------------------------------------


def _refuse(field: str, sentence: str) -> Invalid:
    return Invalid(f"{field}: {sentence}", details={field: sentence})


def place(request: Any, slug: str) -> Environment:
    found = Environment.objects.of(request.workspace).filter(slug=slug).first()
    if found is None:
        raise _refuse("environment", "There is no such environment.")
    return found  # type: ignore[no-any-return]


def places(request: Any, slugs: list[str]) -> list[Environment]:
    return [place(request, slug) for slug in dict.fromkeys(slugs)]


def adapter(request: Any, slug: str) -> Adapter:
    found = Adapter.objects.of(request.workspace).filter(slug=slug).first()
    if found is None:
        raise _refuse("adapter", "There is no such adapter.")
    return found  # type: ignore[no-any-return]


def resolved(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Components, flags and people by what the outside calls them."""
    if "environment" in values:
        values["environment"] = place(request, values["environment"])
    if "components" in values:
        values["components"] = [_component(request, slug) for slug in values["components"]]
    if item := values.pop("item", ""):
        values["item"] = items.named(request.workspace, item, actor=request.actor)
    if values.get("flag") is not None:
        rows = Flag.objects.of(request.workspace).living()
        values["flag"] = rows.filter(flag_name=values["flag"]).first()
        if values["flag"] is None:
            raise _refuse("flag", "There is no such flag.")
    if values.get("watcher") is not None:
        members = User.objects.filter(memberships__workspace=request.workspace)
        values["watcher"] = members.filter(uid=values["watcher"]).first()
        if values["watcher"] is None:
            raise _refuse("watcher", "Nobody of this workspace.")
    return values


def _component(request: Any, slug: str) -> Component:
    found = Component.objects.of(request.workspace).filter(slug=slug).first()
    if found is None:
        raise _refuse("components", f"There is no component {slug}.")
    return found  # type: ignore[no-any-return]
