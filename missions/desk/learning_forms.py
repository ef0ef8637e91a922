"""What people say of a mission that ran, and what they learnt from it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from controlplane.access.models import User
from controlplane.access.policy import ROLES
from missions.models import Feedback, Retrospective

_STARS = [(5, "5, very good"), (4, "4, good"), (3, "3, so-so"), (2, "2, poor"), (1, "1, very poor")]


def _area(label: str, help_text: str = "", *, most: int, rows: int = 3) -> Any:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(
        label=label, required=False, max_length=most, widget=area, help_text=help_text
    )


class _Plain(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""


class FeedbackForm(_Plain):
    rating = forms.TypedChoiceField(label="What came of it", choices=_STARS, coerce=int,
                                    widget=forms.RadioSelect)  # fmt: skip
    satisfaction = forms.TypedChoiceField(
        label="Working with the agents", choices=[("", "No answer"), *_STARS], coerce=int,
        empty_value=None, required=False, widget=forms.RadioSelect,
    )  # fmt: skip
    hours_saved = forms.DecimalField(
        label="Hours of work it saved you", required=False, min_value=Decimal(0),
        max_value=Decimal(10_000), max_digits=8, decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
        help_text="A guess is fine. Empty: you can't tell.",
    )  # fmt: skip
    blockers = _area("What stood in the way", most=4_000)
    text = _area("Anything else", most=8_000)

    def given(self) -> dict[str, Any]:
        """As the service takes it: effort is kept in minutes."""
        found = dict(self.cleaned_data)
        hours = found.pop("hours_saved")
        minutes = None if hours is None else round(hours * 60)
        return {**found, "effort_saved_minutes": minutes}


class DeclineForm(_Plain):
    reason = forms.CharField(label="Why not", max_length=500)


def told_in(answer: Feedback | None) -> dict[str, Any]:
    if answer is None or answer.status != Feedback.Status.GIVEN:
        return {}
    return {
        "rating": answer.rating,
        "satisfaction": answer.satisfaction,
        "hours_saved": answer.effort_saved_hours,
        "blockers": answer.blockers,
        "text": answer.text,
    }


class RetrospectiveForm(_Plain):
    summary = _area("What came of it, in short", "It is what is signed.", most=8_000, rows=5)
    went_well = _area("What went well", most=8_000)
    to_improve = _area("What should go better", most=8_000)
    kpi_actual = forms.DecimalField(
        label="The figure, as it is now", required=False, max_digits=18, decimal_places=4,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"}),
    )  # fmt: skip
    kpi_note = forms.CharField(label="About the figure", required=False, max_length=500)


class FollowUpForm(_Plain):
    title = forms.CharField(label="What is to be done", max_length=200)
    owner = forms.ChoiceField(label="By whom")
    due_on = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, people: list[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(str(user.uid), user.name or user.email) for user in people]
        self.fields["owner"].choices = [("", "Choose somebody"), *named]  # type: ignore[attr-defined]


class TrainingForm(_Plain):
    title = forms.CharField(label="What is to be learnt", max_length=200)
    role = forms.ChoiceField(label="By whom", choices=[("", "Choose a role"), *(
        (slug, label) for slug, (label, _) in ROLES.items()
    )])  # fmt: skip
    detail = _area("More about it", most=4_000, rows=2)
    owner = forms.ChoiceField(label="Who sees to it", required=False)
    due_on = forms.DateField(
        label="Until", required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip

    def __init__(self, people: list[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(str(user.uid), user.name or user.email) for user in people]
        self.fields["owner"].choices = [("", "Nobody yet"), *named]  # type: ignore[attr-defined]


class SettleForm(_Plain):
    note = forms.CharField(
        label="Looked at. If nothing is to be learnt, why", required=False, max_length=500
    )


class ReuseForm(_Plain):
    reuse = forms.ChoiceField(
        label="Can it be used again?",
        choices=[each for each in Retrospective.Reuse.choices if each[0]],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="Why", max_length=500)
