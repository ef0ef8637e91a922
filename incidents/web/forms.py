"""The forms of incidents: of each move the fields it asks for, and of a new one."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from controlplane.access.models import Workspace
from controlplane.access.policy import PEOPLE, role_label
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.notify import availability
from controlplane.notify.models import Contact
from controlplane.notify.shown import called_by
from controlplane.oncall.web.common import WallField
from incidents.models import Incident
from incidents.records import levels
from incidents.records.calling import BECAUSE
from incidents.shown.moves import Move

_TALL: Any = {"rows": 3}
_MOST = 200


def _text(label: str, most: int, *, required: bool = True, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, required=required, help_text=help_text, label_suffix="",
        widget=forms.Textarea(attrs=_TALL),
    )  # fmt: skip


def _contact(row: Incident) -> ContactField:
    """Of the book those whom a message or a telephone reaches."""
    rows = Contact.objects.filter(workspace=row.workspace_id, is_active=True)
    reached = rows.exclude(user=None, email="", phone="").order_by("family", "purpose", "order")
    return ContactField(
        label="Whom", queryset=reached, empty_label="Choose one",
        help_text="Of the contact book, with how they are called and when they are there.",
    )  # fmt: skip


class ContactField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        ways = " and ".join(called_by(obj)) or "cannot be called from here"
        what = obj.purpose.replace("_", " ").capitalize()
        return f"{obj.name}: {what} ({ways}; {availability.words(obj).lower()})"


def level_choices(workspace: Workspace) -> list[tuple[str, str]]:
    return [
        (row.code, f"{row.title}: {row.definition}") for row in levels.of(workspace.pk).values()
    ]


class MoveForm(forms.Form):
    """Of the fields that there are, those that this move asks for."""

    def __init__(self, data: Any, row: Incident, move: Move, zone: ZoneInfo) -> None:
        super().__init__(data, label_suffix="")
        self.row = row
        for name in move.fields:
            self.fields[name] = self._field(name, zone)

    def _field(self, name: str, zone: ZoneInfo) -> forms.Field:
        row = self.row
        if name == "symptoms":
            return _text("What is seen", 4_000)
        if name == "started_at":
            began = row.started_at or row.detected_at
            field = WallField(zone, was=began, label="Since when", help_text=f"{zone.key} time.")
            self.initial["started_at"] = began
            return field
        if name == "impact_percent":
            return forms.IntegerField(
                label="Share of users it touches", min_value=0, max_value=100,
                help_text="Per cent; 0 where it is none. From 25 on it is SEV-2 at least.",
            )  # fmt: skip
        if name == "severity":
            self.initial["severity"] = row.severity
            return forms.ChoiceField(
                label="Severity", choices=level_choices(row.workspace), widget=forms.RadioSelect
            )
        if name == "category":
            self.initial["category"] = row.category
            return forms.ChoiceField(label="About", choices=Incident.Category.choices)
        if name == "tenants":
            return forms.CharField(
                label="Tenants", required=False, max_length=4_000,
                help_text="Which are touched, with commas between them.",
            )  # fmt: skip
        if name == "customer_facing":
            return forms.BooleanField(label="Customers notice it", required=False)
        if name == "because":
            return forms.ChoiceField(
                label="What for", choices=list(BECAUSE.items()), widget=forms.RadioSelect
            )
        if name == "role":
            people = sorted((role_label(slug), slug) for slug in PEOPLE)
            return forms.ChoiceField(
                label="Whom", required=False,
                choices=[("", "Whoever comes next"), *((slug, label) for label, slug in people)],
            )  # fmt: skip
        if name == "contact":
            return _contact(row)
        if name == "message":
            return _text("Message", 500, help_text="They read it first. It stands on its timeline.")
        if name == "into":
            rows = Incident.objects.of(row.workspace_id).burning().exclude(pk=row.pk)
            return forms.ModelChoiceField(
                label="Into", queryset=rows.order_by("severity", "-pk"), empty_label="Choose one"
            )
        if name == "how":
            return _text("What was done", 500)
        if name == "root_cause":
            self.initial["root_cause"] = row.root_cause
            return _text("What caused it", 4_000, required=False,
                         help_text="Needed before it can be closed.")  # fmt: skip
        return _text("Why", 500, help_text="It stands on its timeline and on its work item.")

    def given(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        if "tenants" in found:
            given = found["tenants"].split(",")
            found["tenants"] = [part.strip() for part in given if part.strip()]
        return found


class OpenForm(forms.Form):
    title = forms.CharField(
        label="What is wrong", max_length=200, label_suffix="",
        widget=forms.TextInput(attrs={"autofocus": True}),
    )  # fmt: skip
    severity = forms.ChoiceField(label="Severity", widget=forms.RadioSelect)
    symptoms = _text("What is seen", 4_000, required=False)
    category = forms.ChoiceField(label="About", choices=Incident.Category.choices)
    service = forms.ModelChoiceField(
        label="Service", queryset=Service.objects.none(), required=False, empty_label="Not known"
    )
    environment = forms.ModelChoiceField(
        label="Environment", queryset=Environment.objects.none(), required=False,
        empty_label="Not known",
    )  # fmt: skip

    def __init__(self, data: Any, workspace: Workspace, zone: ZoneInfo) -> None:
        super().__init__(data, label_suffix="", initial={"severity": "sev3"})
        fields: dict[str, Any] = self.fields
        fields["severity"].choices = level_choices(workspace)
        fields["service"].queryset = Service.objects.of(workspace).order_by("name")[:_MOST]
        if data is not None:
            fields["service"].queryset = Service.objects.of(workspace)
        fields["environment"].queryset = Environment.objects.of(workspace).order_by("order", "slug")
        fields["started_at"] = WallField(
            zone, label="Since when", required=False, help_text=f"{zone.key} time. Empty: now."
        )

    def given(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        found["started_at"] = found["started_at"] or clock.now()
        return found


# As they are named: (label, the level's figure), in minutes.
FIGURES: tuple[tuple[str, str], ...] = (
    ("Acknowledge", "ack_s"), ("Triage", "triage_s"), ("Respond", "respond_s"),
    ("Begin to mitigate", "mitigation_starts_s"), ("Mitigate", "mitigate_s"),
    ("Restore", "restore_s"), ("Resolve", "resolve_s"), ("Updates", "update_s"),
    ("Others are called when open for", "escalate_s"),
    ("Called again when silent for", "unack_s"), ("Watched for", "monitor_s"),
    ("Review due after", "review_s"),
)  # fmt: skip


class LevelForm(forms.Form):
    """One rung as the workspace has it. Times in minutes; empty: no such clock."""

    title = forms.CharField(label="Title", max_length=80)
    definition = _text("What it is", 400)
    pages = forms.BooleanField(label="Somebody is called", required=False)
    policy = forms.CharField(
        label="Policy of escalation", max_length=50, required=False, help_text="Its slug."
    )
    at_once = forms.CharField(
        label="Called at once", max_length=400, required=False,
        help_text="Roles, with commas between them.",
    )  # fmt: skip
    informed = forms.CharField(label="Informed", max_length=400, required=False)
    item_priority = forms.IntegerField(label="Priority of its work item", min_value=0, max_value=4)

    def __init__(self, data: Any, row: Any) -> None:
        super().__init__(data, label_suffix="")
        for name in ("title", "definition", "pages", "policy", "item_priority"):
            self.initial[name] = getattr(row, name)
        for name in ("at_once", "informed"):
            self.initial[name] = ", ".join(getattr(row, name))
        for label, name in FIGURES:
            seconds = getattr(row, name)
            self.fields[name] = forms.IntegerField(
                label=f"{label}, minutes", min_value=1, max_value=60 * 24 * 31, required=False
            )
            self.initial[name] = seconds // 60 if seconds is not None else None

    def given(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        for _, name in FIGURES:
            minutes = found[name]
            found[name] = minutes * 60 if minutes is not None else None
        for name in ("at_once", "informed"):
            found[name] = [part.strip() for part in found[name].split(",") if part.strip()]
        return found
