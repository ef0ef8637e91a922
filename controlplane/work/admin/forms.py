"""Forms of items: descriptive fields only. What state an item is in is moved by buttons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from controlplane.lib.errors import ControlPlaneError
from controlplane.work import services, vocabulary
from controlplane.work.models import Item, Project
from controlplane.work.services import reading

BACKLOG = (
    "in_backlog", "stage", "backlog_category", "kpi", "readiness_artifact", "impact", "effort",
    "evidence_url",
)  # fmt: skip
PLAIN = (
    "title", "item_type", *reading.AWAITS, "priority", "assignee", "labels", "description",
    "acceptance_criteria", "design", "notes", "due_at", "estimated_minutes", "external_ref",
    "spec_id",
)  # fmt: skip
NEW = (
    "title", "project", "item_type", *reading.AWAITS, "priority", "parent_key", "assignee",
    "labels", "description", "acceptance_criteria", "due_at", "estimated_minutes",
)  # fmt: skip
EDITED = (*PLAIN, *BACKLOG)
ADDED = (*NEW, *BACKLOG)
LABELS = {
    "due_at": "Due (UTC)",
    "estimated_minutes": "Estimate, in minutes",
    "item_type": "Type",
    "spec_id": "Specification",
    "external_ref": "Reference elsewhere",
    "evidence_url": "Evidence",
    "in_backlog": "In the operations backlog",
}
HELP = {
    "labels": "With commas between: ops, on-call.",
    "assignee": "An e-mail address, or the name a tool goes by.",
    "in_backlog": "Ranked on the board by impact against effort. Needs its stage, the KPI it"
    " moves and the readiness artifact it changes.",
    "impact": "1 to 5.",
    "effort": "1 to 5.",
    "evidence_url": "The address of the telemetry behind impact and effort.",
    "description": "Markdown.",
}
DECLARED = frozenset({"parent_key", *reading.AWAITS})


class ItemForm(forms.ModelForm):  # type: ignore[type-arg]
    parent_key = forms.CharField(
        label="Parent", required=False, max_length=120, help_text="The key of what it is part of."
    )
    await_type = forms.ChoiceField(
        label="What it waits for",
        required=False,
        help_text="Of a gate. GitHub opens one that waits for its run or pull request; any other"
        " is closed by whoever knows.",
    )
    await_id = forms.CharField(
        label="Which one",
        required=False,
        max_length=reading.LINES["await_id"],
        help_text="A run's number, a pull request as owner/name#12, a name.",
    )

    class Meta:
        model = Item
        fields = [name for name in dict.fromkeys((*ADDED, *EDITED)) if name not in DECLARED]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in HELP.items():
            if name in self.fields:
                self.fields[name].help_text = words
        for name, words in LABELS.items():
            if name in self.fields:
                self.fields[name].label = words
        for name in ("impact", "effort"):
            if name in self.fields:
                self.fields[name].widget.attrs |= {"min": 1, "max": 5}
        if "stage" in self.fields:
            stages: Any = self.fields["stage"]
            stages.choices = [("", "–"), *vocabulary.STAGES.items()]
        for name in ("description", "acceptance_criteria", "design", "notes"):
            if name in self.fields:
                self.fields[name].widget.attrs["rows"] = 8 if name == "description" else 4
        if "backlog_category" in self.fields:
            self.fields["backlog_category"].help_text = "Suggested: " + "; ".join(
                f"{vocabulary.STAGES[stage]}: {', '.join(vocabulary.begun_small(names))}"
                for stage, names in vocabulary.BACKLOG_CATEGORIES.items()
            )
        self._show_awaited()

    def _show_awaited(self) -> None:
        """Kept inside another column, so no field of the model fills them in. What an import
        brought is offered too: saving something else must not lose it."""
        for name in reading.AWAITS:
            if name in self.fields:
                self.initial.setdefault(name, getattr(self.instance, name))
        if "await_type" in self.fields:
            kept = self.initial["await_type"]
            known = {"": "–", **vocabulary.AWAITED}
            kinds: Any = self.fields["await_type"]
            kinds.choices = list(({kept: kept} | known if kept not in known else known).items())

    def clean(self) -> dict[str, Any]:
        """What was not touched is left to the service: turning a gate into something else takes
        it away, and an imported word is not judged again."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in reading.AWAITS:
            if name not in self.changed_data:
                data.pop(name, None)
        return data

    def clean_parent_key(self) -> Item | None:
        key = str(self.cleaned_data.get("parent_key") or "").strip()
        if not key:
            return None
        project = self.cleaned_data.get("project")
        if not isinstance(project, Project):
            raise ValidationError("Choose the project first.")
        try:
            return services.resolve(project, key)
        except ControlPlaneError as error:
            raise ValidationError(error.message) from error


def type_choices(project: Project | None) -> list[tuple[str, str]]:
    own = [(name, name) for name in (project.custom_types if project is not None else ())]
    return [*vocabulary.TYPES.items(), *own]


def priority_choices() -> list[tuple[int, str]]:
    return [(number, f"P{number} {words}") for number, words in vocabulary.PRIORITIES.items()]
