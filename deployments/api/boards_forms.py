"""What goes in and out of the API over many deployments, and of launches."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from deployments.models import Deployment, Launch, LaunchLine
from deployments.overview.keys import RANGES
from deployments.overview.words import ABOUT

TAGS = ["releases"]
KINDS = ("deployment", "freeze", "window", "rollout", "shift")


def refs() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField())


def moment() -> serializers.DateTimeField:
    return serializers.DateTimeField(allow_null=True)


# --- The board ----------------------------------------------------------------------------------


class BoardColumn(StrictSerializer):
    environment = serializers.CharField()
    name = serializers.CharField()
    frozen_until = moment()
    freeze = serializers.CharField(allow_blank=True)
    next_freeze_at = moment()
    maintenance = serializers.CharField(allow_blank=True, help_text="the window of now")
    next_maintenance_at = moment()
    under_way = refs()
    coming = refs()
    canaries = refs()


class BoardCell(StrictSerializer):
    component = serializers.CharField()
    environment = serializers.CharField()
    release = serializers.CharField(allow_blank=True, help_text="empty: never deployed")
    deployment = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    commit_sha = serializers.CharField(allow_blank=True)
    since = moment()
    by = serializers.CharField(allow_blank=True, help_text="who started it")
    brought_back_by = serializers.CharField(
        allow_blank=True, help_text="the rollback after which it runs again"
    )
    behind = serializers.IntegerField(
        allow_null=True, help_text="releases behind the environment before; null: not known"
    )
    merges_behind = serializers.IntegerField(
        allow_null=True, help_text="where both commits are known merges"
    )
    same_as_before = serializers.BooleanField(allow_null=True)
    health = serializers.CharField(allow_blank=True, help_text="up, down or unknown")
    health_at = moment()
    on_the_way = refs()


class BoardAnswer(StrictSerializer):
    at = serializers.DateTimeField()
    environments = BoardColumn(many=True)
    cells = BoardCell(many=True)
    more_components = serializers.IntegerField()


# --- The calendar -------------------------------------------------------------------------------


class CalendarQuery(StrictSerializer):
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    environment = serializers.CharField(max_length=50, required=False)
    kind = serializers.ChoiceField(choices=KINDS, required=False)


class CalendarEntry(StrictSerializer):
    kind = serializers.ChoiceField(choices=KINDS)
    key = serializers.CharField()
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    title = serializers.CharField()
    ref = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    words = serializers.CharField(allow_blank=True)
    environments = serializers.ListField(
        child=serializers.CharField(), help_text="none: all of them"
    )
    planned = serializers.BooleanField(help_text="not begun")
    lasting = serializers.BooleanField(help_text="begun, and nobody knows until when")
    text = serializers.CharField(allow_blank=True)
    link = serializers.CharField()


class CalendarAnswer(StrictSerializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    items = CalendarEntry(many=True)
    cut = serializers.ListField(
        child=serializers.CharField(), help_text="kinds of which there are more"
    )


# --- The four keys ------------------------------------------------------------------------------


class DoraQuery(StrictSerializer):
    environment = serializers.CharField(max_length=50, required=False)
    component = serializers.CharField(max_length=50, required=False)
    range = serializers.ChoiceField(choices=list(RANGES), required=False)
    of = serializers.ChoiceField(choices=list(ABOUT), required=False)


class DoraFigure(StrictSerializer):
    title = serializers.CharField()
    definition = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="null: too few to say")
    unit = serializers.CharField()
    made_of = serializers.IntegerField()
    of = serializers.IntegerField()
    before = serializers.FloatField(allow_null=True, help_text="of the same stretch of time before")


class DoraFigures(StrictSerializer):
    frequency = DoraFigure()
    lead_time = DoraFigure()
    failure_rate = DoraFigure()
    restore_time = DoraFigure()


class DoraWeek(StrictSerializer):
    week = serializers.CharField(help_text="2026-W47")
    landed = serializers.IntegerField()
    failed = serializers.IntegerField()
    completed = serializers.IntegerField()
    lead_time_s = serializers.FloatField(allow_null=True)
    whole = serializers.BooleanField()


class DoraChange(StrictSerializer):
    deployment = serializers.CharField()
    release = serializers.CharField()
    out_at = serializers.DateTimeField()
    status = serializers.CharField()
    failed = serializers.CharField(allow_blank=True)
    lead_time_s = serializers.FloatField(allow_null=True)
    restored_by = serializers.CharField(allow_blank=True)
    restore_time_s = serializers.FloatField(allow_null=True)


class MissingMerge(StrictSerializer):
    repository = serializers.CharField()
    number = serializers.IntegerField()
    title = serializers.CharField()
    commit_sha = serializers.CharField()
    merged_at = serializers.DateTimeField()


class DoraMerges(StrictSerializer):
    count = serializers.IntegerField()
    deployed = serializers.IntegerField()
    brought_along = serializers.IntegerField()
    pending = serializers.IntegerField()
    missing = MissingMerge(many=True)


class DoraAnswer(StrictSerializer):
    environment = serializers.CharField()
    component = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField()
    counted_from = serializers.DateTimeField()
    figures = DoraFigures()
    releases_per_week = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="at least, at most"
    )
    weeks_kept = serializers.IntegerField()
    weeks = DoraWeek(many=True)
    cut = serializers.BooleanField()
    merges = DoraMerges()
    rows = DoraChange(many=True)


# --- The log ------------------------------------------------------------------------------------


class ReleaseRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    release = serializers.CharField()
    environment = serializers.CharField(source="environment.slug")
    components = serializers.ListField(
        child=serializers.CharField(), source="component_slugs", help_text="slugs"
    )
    kind = serializers.ChoiceField(choices=Deployment.Kind.choices)
    tier = serializers.IntegerField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Deployment.Status.choices)
    verdict = serializers.CharField(allow_blank=True)
    commit_sha = serializers.CharField(allow_blank=True)
    image_tag = serializers.CharField(allow_blank=True)
    image_digest = serializers.CharField(allow_blank=True)
    release_notes = serializers.CharField(allow_blank=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    reverses = serializers.CharField(source="reverses.ref", allow_null=True)
    deployed_at = serializers.DateTimeField()
    closed_at = moment()


class DocumentQuery(StrictSerializer):
    environment = serializers.CharField(max_length=50, required=False)
    component = serializers.CharField(max_length=50, required=False)


class DocumentAnswer(StrictSerializer):
    markdown = serializers.CharField()


class CycleSpan(StrictSerializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class CycleLine(StrictSerializer):
    what = serializers.CharField()
    before = serializers.CharField()
    since = serializers.CharField()
    change = serializers.ChoiceField(choices=["better", "same", "worse"], allow_blank=True)


class CycleTimes(StrictSerializer):
    before = CycleSpan()
    since = CycleSpan(allow_null=True)
    lines = CycleLine(many=True)
    markdown = serializers.CharField()


# --- Launches -----------------------------------------------------------------------------------


class LaunchEvidence(StrictSerializer):
    label = serializers.CharField(max_length=300)  # type: ignore[assignment]
    link = serializers.CharField(max_length=500, required=False, allow_blank=True)


class LaunchLineRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=LaunchLine.State.choices)
    note = serializers.CharField(allow_blank=True)
    evidence = LaunchEvidence(many=True)
    at = moment()
    by = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()


class LaunchRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField(allow_blank=True)
    launch_at = moment()
    status = serializers.ChoiceField(choices=Launch.Status.choices)
    approval = serializers.UUIDField(source="approval.uid", allow_null=True)
    signed_at = moment()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class LaunchWhole(LaunchRow):
    lines = serializers.SerializerMethodField()


class LaunchWholeShown(LaunchRow):
    lines = LaunchLineRow(many=True)


class LaunchChange(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    about = serializers.CharField(max_length=16_000, required=False, allow_blank=True)
    launch_at = serializers.DateTimeField(required=False, allow_null=True)


class LaunchNew(LaunchChange):
    title = serializers.CharField(max_length=200)


class LineChange(StrictSerializer):
    state = serializers.ChoiceField(choices=LaunchLine.State.choices)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    evidence = LaunchEvidence(many=True, required=False)
    version = serializers.IntegerField(required=False, help_text="refused when another stands")


class LaunchReviewSection(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField(help_text="What it is to say.")
    text = serializers.CharField(allow_blank=True)


class LaunchCompared(StrictSerializer):
    what = serializers.CharField()
    before = serializers.CharField()
    since = serializers.CharField()
    change = serializers.CharField(allow_blank=True)


class LaunchPromise(StrictSerializer):
    what = serializers.CharField()
    promised = serializers.CharField()
    found = serializers.CharField()
    verdict = serializers.CharField(allow_blank=True, help_text="kept, missed, or nothing")


class LaunchReviewShown(StrictSerializer):
    state = serializers.ChoiceField(choices=["to_come", "owed", "reviewed"])
    due = moment()
    reviewed_at = moment()
    reviewed_by = serializers.CharField(allow_blank=True)
    sections = LaunchReviewSection(many=True)
    compared = LaunchCompared(many=True)
    promised = LaunchPromise(many=True)


class LaunchReviewSigned(StrictSerializer):
    cycle_times = serializers.CharField(max_length=4_000)
    escalations = serializers.CharField(max_length=4_000)
    feedback = serializers.CharField(max_length=4_000)
    next = serializers.CharField(max_length=4_000)
    version = serializers.IntegerField(required=False, help_text="refused when another stands")


class LaunchReason(StrictSerializer):
    reason = serializers.CharField(max_length=500)
