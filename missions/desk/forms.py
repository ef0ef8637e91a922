"""What a business person says when asking for a mission, in their words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from missions.models import Brief, Mission

_DAY = {"type": "date"}


def _text(label: str, help_text: str = "", *, rows: int = 3, required: bool = False) -> Any:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(
        label=label, required=required, max_length=10_000, widget=area, help_text=help_text
    )


def _figure(label: str) -> Any:
    return forms.DecimalField(
        label=label, required=False, max_digits=18, decimal_places=4,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )  # fmt: skip


class AskForm(forms.Form):
    """The fields of a mission and of its brief; what is left out can be said later."""

    title = forms.CharField(label="What should happen, in a line", max_length=200)
    intent = _text(
        "What is wanted, and why", "As you would tell a colleague.", rows=5, required=True
    )
    objective = _text("What exactly is done", "The objective of the brief.")
    audience = _text("Whom it concerns", rows=2)
    business_objective = _text("What the business gets from it", rows=2)
    kpi_name = forms.CharField(
        label="The figure that shows it worked", required=False, max_length=120,
        help_text="One you can measure: accounts that answer, hours saved, errors a week.",
    )  # fmt: skip
    kpi_unit = forms.CharField(label="Counted in", required=False, max_length=40)
    kpi_direction = forms.ChoiceField(
        label="Better is", choices=[("up", "more"), ("down", "less")], required=False
    )
    kpi_baseline = _figure("Today")
    kpi_target = _figure("Wanted")
    kpi_deadline = forms.DateField(
        label="Measured by", required=False, widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d")
    )
    timeline = _text("How it should go over time", rows=2)
    due_on = forms.DateField(
        label="Needed by", required=False, widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d")
    )
    priority = forms.TypedChoiceField(
        label="How urgent",
        choices=[(2, "As usual"), (1, "Soon"), (0, "At once"), (3, "Can wait"), (4, "Some day")],
        coerce=int,
        empty_value=None,
        required=False,
    )
    mission_type = forms.CharField(
        label="Kind", required=False, max_length=40,
        help_text="If you know it: a short name such as crm. A kind that is switched off runs no "
        "missions.",
    )  # fmt: skip

    GROUPS = (
        ("What you want", ("title", "intent", "due_on", "priority")),
        ("What exactly", ("objective", "audience", "business_objective", "timeline")),
        (
            "How we will know it worked",
            ("kpi_name", "kpi_unit", "kpi_direction", "kpi_baseline", "kpi_target", "kpi_deadline"),
        ),
        ("If you know it", ("mission_type",)),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    @property
    def groups(self) -> list[tuple[str, list[Any]]]:
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]

    def of_mission(self) -> dict[str, Any]:
        names = ("title", "intent", "due_on", "priority", "mission_type")
        found = {name: self.cleaned_data[name] for name in names}
        return found | {"priority": 2 if found["priority"] is None else found["priority"]}

    def of_brief(self) -> dict[str, Any]:
        found = {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in self.of_mission() and (value or isinstance(value, Decimal))
        }
        return {"kpi_direction": "up", **found}


def said_in(mission: Mission, brief: Brief) -> dict[str, Any]:
    """The form's initial values, of a mission that is there."""
    said = {
        name: getattr(brief if hasattr(brief, name) else mission, name)
        for name in AskForm.base_fields
    }
    # As somebody would type it: 4, not 4.0000.
    return {
        name: Decimal(f"{value.normalize():f}") if isinstance(value, Decimal) else value
        for name, value in said.items()
    }
