"""The forms of the desk: of each move the fields it asks for, and of a new ticket."""

from __future__ import annotations

from typing import Any

from django import forms

from controlplane.access.models import Workspace
from controlplane.access.policy import role_label
from controlplane.catalog.models import Service
from incidents.models import Incident, Ticket
from incidents.records import levels
from incidents.support import escalating, hours, people
from incidents.support.moves import Move
from missions.web.people import people_in

_MOST = 200


def _text(label: str, most: int, *, required: bool = True, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, required=required, help_text=help_text, label_suffix="",
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip


def priorities(workspace_id: int) -> list[tuple[str, str]]:
    ladder = levels.of(workspace_id, "support")
    return [(row.code, f"{row.title}: {row.definition}") for row in ladder.values()]


class MoveForm(forms.Form):
    """Of the fields that there are, those that this move asks for."""

    def __init__(self, data: Any, row: Ticket, move: Move) -> None:
        super().__init__(data, label_suffix="")
        self.row = row
        for name in move.fields:
            self.fields[name] = self._field(name)

    def _field(self, name: str) -> forms.Field:
        row = self.row
        if name == "priority":
            self.initial["priority"] = row.priority
            return forms.ChoiceField(
                label="Priority", choices=priorities(row.workspace_id), widget=forms.RadioSelect
            )
        if name == "category":
            self.initial["category"] = row.category
            return forms.ChoiceField(label="About", choices=Ticket.Category.choices)
        if name == "blocking":
            self.initial["blocking"] = row.blocking
            return forms.BooleanField(label="Somebody can't go on without it", required=False)
        if name == "assignee":
            return forms.ModelChoiceField(
                label="Who works on it", queryset=people_in(row.workspace).order_by("name"),
                required=False, empty_label="Whoever this belongs to",
            )  # fmt: skip
        if name == "role":
            known = sorted({"primary_operator", "secondary_operator", *people.ROLES.values()})
            return forms.ChoiceField(
                label="Or whoever is on duty as", required=False,
                choices=[("", "Nobody else"), *((each, role_label(each)) for each in known)],
            )  # fmt: skip
        if name == "severity":
            self.initial["severity"] = escalating.suggested_severity(row)
            ladder = levels.of(row.workspace_id).values()
            return forms.ChoiceField(
                label="Severity", widget=forms.RadioSelect,
                choices=[(each.code, f"{each.title}: {each.definition}") for each in ladder],
            )  # fmt: skip
        if name == "incident":
            rows = Incident.objects.of(row.workspace_id).burning().order_by("severity", "-pk")
            return forms.ModelChoiceField(
                label="Which", queryset=rows, empty_label="Choose one"
            )  # fmt: skip
        if name == "into":
            others = Ticket.objects.of(row.workspace_id).exclude(pk=row.pk)
            others = others.exclude(status__in=["spam", "duplicate"]).defer("search")
            return forms.ModelChoiceField(
                label="Into", queryset=others.order_by("-pk"), empty_label="Choose one"
            )
        if name == "resolution":
            told = "In words whoever asked understands."  # that it is mailed stands above it
            return _text("What it was, and what was done", 8_000, help_text=told)
        if name == "snapshot":
            return forms.BooleanField(
                label="Keep the figures of the workspace as they stand now with it",
                required=False,
            )
        required = name == "reason" and not {"assignee", "into", "incident"} & set(self.fields)
        return _text("Why", 500, required=required)

    def given(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        return {name: value for name, value in found.items() if value is not None}


class NewForm(forms.Form):
    subject = forms.CharField(
        label="What it is about, in a line", max_length=200,
        widget=forms.TextInput(attrs={"autofocus": True}),
    )  # fmt: skip
    body = _text("What was asked", 20_000)
    requester: Any = forms.ModelChoiceField(
        label="Who asks", queryset=None, required=False, empty_label="Somebody outside, or me"
    )
    requester_name = forms.CharField(label="Their name", max_length=120, required=False)
    requester_email = forms.CharField(
        label="Their address", max_length=254, required=False,
        help_text="Answers go there. Neither: you are the one who asks.",
    )  # fmt: skip
    category = forms.ChoiceField(label="About", choices=Ticket.Category.choices)
    priority = forms.ChoiceField(label="Priority", widget=forms.RadioSelect)
    blocking = forms.BooleanField(label="Somebody can't go on without it", required=False)
    service: Any = forms.ModelChoiceField(
        label="Service", queryset=None, required=False, empty_label="Not known"
    )
    channel = forms.ChoiceField(label="It came by")

    def __init__(self, data: Any, workspace: Workspace) -> None:
        super().__init__(data, label_suffix="", initial={"priority": "p2", "channel": "support",
                                                         "category": "question"})  # fmt: skip
        fields: dict[str, Any] = self.fields
        fields["priority"].choices = priorities(workspace.pk)
        fields["requester"].queryset = people_in(workspace).order_by("name")
        fields["service"].queryset = Service.objects.of(workspace).order_by("name")[:_MOST]
        if data is not None:
            fields["service"].queryset = Service.objects.of(workspace)
        fields["channel"].choices = [
            (slug, one.row.title) for slug, one in hours.channels(workspace.pk).items()
        ]

    def given(self) -> dict[str, Any]:
        return dict(self.cleaned_data)
