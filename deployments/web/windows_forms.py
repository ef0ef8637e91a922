"""The forms of maintenance windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from controlplane.access.models import User, Workspace
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.oncall import duty
from controlplane.oncall.walls import local_of
from controlplane.oncall.web.common import WallField, people_of
from deployments.maintenance import checks, plans
from deployments.maintenance.services.tasks import REMARKS
from deployments.maintenance.templates import TEMPLATES
from deployments.models import MaintenanceWindow
from deployments.services import reading

_AREA = forms.Textarea(attrs={"rows": 4})
_OF_EMERGENCY = ("trigger", "urgency", "impact")


def _text(label: str, most: int = reading.LONG, help_text: str = "", rows: int = 4) -> Any:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(
        label=label, max_length=most, required=False, help_text=help_text, widget=widget
    )


class WindowForm(forms.Form):
    """What every window says of itself."""

    title = forms.CharField(label="What is done", max_length=200)
    starts_at = forms.Field(label="From")
    ends_at = forms.Field(label="Until")
    services = forms.ModelMultipleChoiceField(
        label="Services", queryset=Service.objects.none(), required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: everything that runs in the environment.",
    )  # fmt: skip
    about = _text("What users are told", help_text="What is done, and what they notice of it.")
    trigger = forms.ChoiceField(
        label="Because of", choices=[each for each in MaintenanceWindow.Trigger.choices if each[0]]
    )
    urgency = forms.CharField(label="How urgent it is, and why", max_length=500)
    impact = forms.CharField(label="What happens if it waits", max_length=500)
    user_facing = forms.BooleanField(
        label="Users notice it", required=False,
        help_text="Then they are told, however little time is left.",
    )  # fmt: skip
    rollback_plan = _text("The way back", help_text="Step by step. It is tested in staging.")
    watcher = forms.ModelChoiceField(
        label="Who watches", queryset=User.objects.none(), required=False,
        empty_label="Nobody yet", help_text="Whoever is on duty at that time.",
    )  # fmt: skip

    def __init__(
        self, data: Any, workspace: Workspace, zone: ZoneInfo, *, initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        self.workspace = workspace
        fields: dict[str, Any] = self.fields
        for name in ("starts_at", "ends_at"):
            was = fields[name]
            fields[name] = WallField(
                zone, was=self.initial.get(name), label=was.label, help_text=f"{zone.key} time."
            )
        known = Service.objects.filter(workspace=workspace, status="active")
        fields["services"].queryset = known.order_by("name")
        fields["services"].label_from_instance = lambda one: one.name
        self._people(fields["watcher"])

    def _people(self, field: Any) -> None:
        """Whoever is on shift at that time first, and marked."""
        at = self.initial.get("starts_at") or clock.now()
        found = duty.standing(self.workspace, at=at)
        on = {one.duty.person.pk for one in found if one.duty is not None}
        people = people_of(self.workspace.pk)
        people.sort(key=lambda one: one.pk not in on)
        field.queryset = User.objects.filter(pk__in=[one.pk for one in people])
        names = [
            (one.pk, f"{one.name or one.email}{', on shift then' if one.pk in on else ''}")
            for one in people
        ]
        field.choices = [("", field.empty_label), *names]

    @property
    def pairs(self) -> Iterator[Any]:
        """Fields in the order they are drawn; two times share a line."""
        for name in self.fields:
            if name == "ends_at":
                continue
            field = self[name]
            beside = self["ends_at"] if name == "starts_at" and "ends_at" in self.fields else None
            yield field, beside

    def clean(self) -> dict[str, Any]:
        """Browsers end lines in their own way: what nobody changed must not read as changed."""
        found = super().clean() or self.cleaned_data
        for name, value in found.items():
            if isinstance(value, str):
                found[name] = value.replace("\r\n", "\n")
        return found

    def given(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        if "services" in data:
            data["services"] = list(data["services"])
        return data


class PlanForm(WindowForm):
    environment = forms.ModelChoiceField(
        label="Environment", queryset=Environment.objects.none(), empty_label=None
    )
    partner = forms.CharField(label="Whose it is", max_length=120)
    templates = forms.MultipleChoiceField(
        label="Usual work", required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(each.slug, f"{each.title}: {each.about}") for each in TEMPLATES.values()],
        help_text="Its subtasks are copied, to be changed and added to.",
    )  # fmt: skip
    field_order = (
        *("partner", "title", "environment", "starts_at", "ends_at", "trigger", "urgency"),
        *("impact", "services", "about", "user_facing", "templates", "rollback_plan", "watcher"),
    )

    def __init__(self, data: Any, workspace: Workspace, zone: ZoneInfo, *, kind: str) -> None:
        self.kind = kind
        now = clock.now().replace(second=0, microsecond=0)
        start, end = plans.next_quiet_hours(now)
        first = {"starts_at": start, "ends_at": end, "user_facing": True}
        if kind == "emergency":
            first |= {"starts_at": now, "ends_at": now.replace(minute=0) + 2 * plans.HOUR}
        super().__init__(data, workspace, zone, initial=first)
        fields: dict[str, Any] = self.fields
        rows = Environment.objects.of(workspace).order_by("order", "slug")
        fields["environment"].queryset = rows
        guarded = rows.filter(needs_approval=True).first()
        fields["environment"].initial = guarded.pk if guarded is not None else None
        without = {
            "scheduled": (*_OF_EMERGENCY, "user_facing", "partner"),
            "emergency": ("partner",),
            "partner": (*_OF_EMERGENCY, "user_facing", "rollback_plan", "templates", "watcher"),
        }[kind]
        for name in without:
            del fields[name]
        if kind == "scheduled":
            opens, closes = local_of(start, zone), local_of(end, zone)
            fields[
                "starts_at"
            ].help_text = (
                f"{zone.key} time. The quiet hours are {opens:%A %H:%M} to {closes:%H:%M} there."
            )

    def given(self) -> dict[str, Any]:
        data = super().given()
        return {**data, "kind": "emergency" if self.kind == "emergency" else "scheduled"}


class ChangeForm(WindowForm):
    def __init__(self, data: Any, row: MaintenanceWindow, zone: ZoneInfo) -> None:
        names = ("title", "starts_at", "ends_at", "about", "trigger", "urgency", "impact",
                 "user_facing", "rollback_plan")  # fmt: skip
        first = {name: getattr(row, name) for name in names}
        first["services"] = [part.service_id for part in row.parts.all()]
        first["watcher"] = row.watcher_id
        super().__init__(data, row.workspace, zone, initial=first)
        without: list[str] = [] if row.status == "draft" else ["starts_at", "ends_at"]
        if not row.is_emergency:
            without += [*_OF_EMERGENCY, "user_facing"]
        if not row.is_ours:
            without += ["rollback_plan", "watcher"]
        if row.started_at is not None:  # what it is stays; who watches may change
            without += [name for name in self.fields if name != "watcher"]
        for name in without:
            self.fields.pop(name, None)


class RescheduleForm(forms.Form):
    starts_at = forms.Field(label="From")
    ends_at = forms.Field(label="Until")
    reason = forms.CharField(
        label="Why", max_length=reading.REASON, widget=_AREA,
        help_text="Everybody who was told of the old time reads it.",
    )  # fmt: skip
    override = forms.CharField(
        label="Why without the two weeks or the quiet hours", max_length=reading.REASON,
        required=False, help_text="Only where the new time breaks a rule.",
    )  # fmt: skip

    def __init__(
        self, data: Any, row: MaintenanceWindow, zone: ZoneInfo, *, may_waive: bool
    ) -> None:
        first = {"starts_at": row.starts_at, "ends_at": row.ends_at}
        super().__init__(data, initial=first, label_suffix="")
        fields: dict[str, Any] = self.fields
        for name in ("starts_at", "ends_at"):
            was = fields[name]
            fields[name] = WallField(
                zone, was=self.initial.get(name), label=was.label, help_text=f"{zone.key} time."
            )
        if not may_waive:
            del fields["override"]

    @property
    def pairs(self) -> Iterator[Any]:
        for name in self.fields:
            if name != "ends_at":
                yield self[name], self["ends_at"] if name == "starts_at" else None


class _Plain(forms.Form):
    def __init__(self, data: Any, initial: Any = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")

    @property
    def pairs(self) -> Iterator[Any]:
        for name in self.fields:
            yield self[name], None


class _Titles(_Plain):
    def clean_titles(self) -> list[str]:
        return [line for line in self.cleaned_data["titles"].splitlines() if line.strip()]


class TasksForm(_Titles):
    template = forms.ChoiceField(
        label="Usual work", required=False,
        choices=[("", "None"), *((each.slug, each.title) for each in TEMPLATES.values())],
    )  # fmt: skip
    titles = _text("Subtasks of your own", 20_000, "One a line.", rows=6)


class FollowUpForm(_Titles):
    titles = forms.CharField(
        label="What is left", max_length=20_000, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="One a line.",
    )  # fmt: skip
    part_of = forms.BooleanField(
        label="A part of the window's work", required=False,
        help_text="It has to be done before the window is closed. Otherwise it was found by it.",
    )  # fmt: skip


class WaiveForm(_Plain):
    rule = forms.ChoiceField(label="Which rule", choices=list(checks.WAIVABLE.items()))
    reason = forms.CharField(label="Why", max_length=reading.REASON, widget=_AREA)


class RemarkForm(_Plain):
    kind = forms.ChoiceField(label="What it is", choices=list(REMARKS.items()))
    text = forms.CharField(label="What to write", max_length=reading.LONG, widget=_AREA)
