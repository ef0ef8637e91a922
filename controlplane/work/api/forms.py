"""What is sent about items, and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from controlplane.work import vocabulary
from controlplane.work.services.reading import LABEL, LABELS, LINES, TEXT, TITLE


class Key(serializers.CharField):
    """An item's id, in any case, or its uid."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=120, required=False, **kwargs)


class Texts(serializers.CharField):
    def __init__(self) -> None:
        super().__init__(max_length=TEXT, required=False, allow_blank=True)


class Line(serializers.CharField):
    def __init__(self, name: str) -> None:
        super().__init__(max_length=LINES[name], required=False, allow_blank=True)


class ItemRow(StrictSerializer):
    """An item in a list: what one reads at a glance."""

    uid = serializers.UUIDField()
    key = serializers.CharField()
    project = serializers.UUIDField(source="project.uid")
    title = serializers.CharField()
    status = serializers.CharField()
    category = serializers.CharField(help_text="active, wip, frozen or done: what it means.")
    priority = serializers.IntegerField(help_text="0 (critical) to 4")
    issue_type = serializers.CharField(source="item_type")
    assignee = serializers.CharField()
    owner = serializers.CharField()
    created_by = serializers.CharField()
    labels = serializers.ListField(child=serializers.CharField())
    external_ref = serializers.CharField()
    subject = serializers.CharField(help_text="What it stands for in the portal.")
    parent = serializers.CharField(source="parent.key", allow_null=True)  # type: ignore[assignment]
    blocked = serializers.BooleanField(help_text="Waits for other items, directly or by a parent.")
    open_blockers = serializers.IntegerField()
    estimated_minutes = serializers.IntegerField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    defer_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    in_backlog = serializers.BooleanField()
    stage = serializers.CharField()
    kpi = serializers.CharField()
    backlog_category = serializers.CharField()
    impact = serializers.IntegerField(allow_null=True)
    effort = serializers.IntegerField(allow_null=True)
    score = serializers.SerializerMethodField(help_text="impact / effort; null without both.")
    revision = serializers.CharField(help_text="Opaque: changes whenever the item does.")

    def get_score(self, row: object) -> float | None:  # for the document; `shape` fills it in
        raise NotImplementedError


class ItemDetail(ItemRow):
    """An item with all its texts."""

    description = serializers.CharField()
    design = serializers.CharField()
    acceptance_criteria = serializers.CharField()
    notes = serializers.CharField()
    spec_id = serializers.CharField()
    source_system = serializers.CharField()
    metadata = serializers.DictField()
    ephemeral = serializers.BooleanField()
    close_reason = serializers.CharField()
    close_forced = serializers.BooleanField()
    closed_by_session = serializers.CharField()
    ensure_key = serializers.CharField()
    readiness_artifact = serializers.CharField()
    evidence_url = serializers.CharField()
    await_type = serializers.SerializerMethodField(help_text="What a gate waits for.")
    await_id = serializers.SerializerMethodField()

    def get_await_type(self, row: object) -> str:  # for the document; `shape` fills it in
        raise NotImplementedError

    def get_await_id(self, row: object) -> str:
        raise NotImplementedError


class _ItemFields(StrictSerializer):
    description = Texts()
    design = Texts()
    acceptance_criteria = Texts()
    notes = Texts()
    priority = serializers.IntegerField(min_value=0, max_value=4, required=False)
    issue_type = serializers.CharField(max_length=50, required=False)
    assignee = Line("assignee")
    owner = Line("owner")
    spec_id = Line("spec_id")
    external_ref = Line("external_ref")
    source_system = Line("source_system")
    metadata = serializers.DictField(required=False)
    estimated_minutes = serializers.IntegerField(
        min_value=0, max_value=2_000_000_000, required=False, allow_null=True
    )
    due_at = serializers.DateTimeField(required=False, allow_null=True)
    defer_until = serializers.DateTimeField(required=False, allow_null=True)
    ephemeral = serializers.BooleanField(required=False)
    in_backlog = serializers.BooleanField(
        required=False, help_text="Of the operations backlog: then stage, KPI and artifact too."
    )
    stage = serializers.ChoiceField(
        choices=list(vocabulary.STAGES.items()), required=False, allow_blank=True
    )
    kpi = Line("kpi")
    readiness_artifact = Line("readiness_artifact")
    backlog_category = Line("backlog_category")
    impact = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)
    effort = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)
    evidence_url = Line("evidence_url")
    await_type = serializers.ChoiceField(
        choices=list(vocabulary.AWAITED.items()),
        required=False,
        allow_blank=True,
        help_text="Of a gate: what it waits for.",
    )
    await_id = serializers.CharField(
        max_length=LINES["await_id"],
        required=False,
        allow_blank=True,
        help_text="Of a gate: number of the run; number, owner/repository#number or address of"
        " the pull request.",
    )


def _labels(help_text: str = "") -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=LABEL),
        max_length=LABELS,
        required=False,
        help_text=help_text,
    )


class ItemNew(_ItemFields):
    title = serializers.CharField(max_length=TITLE)
    project = serializers.CharField(
        max_length=80, required=False, help_text="uid or name; else the operations project."
    )
    parent = Key()  # type: ignore[assignment]
    labels = _labels()
    inherit_labels = serializers.BooleanField(
        required=False, help_text="A child has its parent's labels too, unless this is false."
    )
    status = serializers.CharField(max_length=50, required=False)


class ItemChange(_ItemFields):
    title = serializers.CharField(max_length=TITLE, required=False)
    status = serializers.CharField(
        max_length=50, required=False, help_text="To close an item, rather POST to its /close."
    )
    labels = _labels(help_text="All of them.")
    add_labels = _labels()
    remove_labels = _labels()
    parent = Key(  # type: ignore[assignment]
        allow_null=True, allow_blank=True, help_text="Null: none."
    )
    reason = serializers.CharField(max_length=10_000, required=False, allow_blank=True)


class Ensure(ItemNew):
    key = serializers.CharField(
        max_length=200, help_text="What it is for: a release, an alert. Found by it, or made."
    )


class Ensured(StrictSerializer):
    item = ItemDetail()
    created = serializers.BooleanField()


class CloseInput(StrictSerializer):
    reason = serializers.CharField(max_length=10_000, default="", allow_blank=True)
    force = serializers.BooleanField(
        default=False, help_text="Over open blockers or children; needs a reason and the right to."
    )
    session = serializers.CharField(max_length=200, default="", allow_blank=True)


class ReasonInput(StrictSerializer):
    reason = serializers.CharField(max_length=10_000, default="", allow_blank=True)


class DeferInput(StrictSerializer):
    until = serializers.DateTimeField(required=False, allow_null=True)


class WatchInput(StrictSerializer):
    on = serializers.BooleanField(default=True)


class WatchAnswer(StrictSerializer):
    watching = serializers.BooleanField()


class ClaimInput(StrictSerializer):
    """Which ready item to take: the first nobody has of those that fit."""

    project = serializers.CharField(max_length=80, required=False, help_text="uid or name")
    labels = _labels(help_text="All of them.")
    labels_any = _labels(help_text="One of them.")
    issue_type = serializers.CharField(max_length=50, required=False)
    priority = serializers.IntegerField(min_value=0, max_value=4, required=False)


class ClaimAnswer(StrictSerializer):
    item = ItemDetail(allow_null=True, help_text="Null: nothing is ready that nobody has.")


class CommentNew(StrictSerializer):
    text = serializers.CharField(max_length=100_000)


class CommentRow(StrictSerializer):
    id = serializers.CharField(source="pk")
    author = serializers.CharField()
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class EventRow(StrictSerializer):
    id = serializers.CharField(source="pk")
    event_type = serializers.CharField(source="kind")
    actor = serializers.CharField(source="actor_name")
    old_value = serializers.CharField(source="old")
    new_value = serializers.CharField(source="new")
    comment = serializers.CharField()
    forced = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]
    at = serializers.DateTimeField()


class ActivityRow(EventRow):
    key = serializers.CharField(source="item.key")
    title = serializers.CharField(source="item.title")


class DependencyNew(StrictSerializer):
    depends_on = serializers.CharField(
        max_length=200, help_text="Key of the blocker or parent, or external:project:capability."
    )
    type = serializers.CharField(max_length=50, default=vocabulary.BLOCKS)
    gate = serializers.ChoiceField(
        choices=list(vocabulary.GATES), required=False, help_text="Of waits-for."
    )


class DependencyRow(StrictSerializer):
    id = serializers.CharField(source="pk")
    issue = serializers.CharField(source="item.key")
    issue_title = serializers.CharField(source="item.title")
    issue_status = serializers.CharField(source="item.status")
    depends_on = serializers.CharField(
        source="target.key", allow_null=True, help_text="Null: outside; see `outside`."
    )
    depends_on_title = serializers.CharField(source="target.title", allow_null=True)
    depends_on_status = serializers.CharField(source="target.status", allow_null=True)
    outside = serializers.CharField(source="target_name")
    type = serializers.CharField(source="kind")
    metadata = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class LinkNew(StrictSerializer):
    url = serializers.CharField(max_length=1000)
    title = serializers.CharField(max_length=200, default="", allow_blank=True)
    kind = serializers.CharField(max_length=10, default="evidence")


class LinkRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField(help_text="Empty: a file, at `download`.")
    download = serializers.SerializerMethodField(help_text="Path of the file, or null.")
    size = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField()
    media_type = serializers.CharField()
    added_by = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_download(self, row: object) -> str | None:  # for the document; `shape` fills it in
        raise NotImplementedError


class AttachmentNew(StrictSerializer):
    filename = serializers.CharField(max_length=200)
    content_base64 = serializers.CharField(max_length=14_000_000)
    media_type = serializers.CharField(max_length=100, default="", allow_blank=True)
    title = serializers.CharField(max_length=200, default="", allow_blank=True)
    kind = serializers.CharField(max_length=10, default="evidence")
