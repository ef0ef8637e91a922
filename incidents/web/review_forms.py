"""The forms of a review: what it says, and what is to be done."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from controlplane.oncall.web.common import WallField
from incidents.models import IncidentReview, ReviewAction
from incidents.models.reviews import WHYS
from missions.admin.forms import PersonField
from missions.web.people import people_in

_ASKED = ("Why did it happen?", *("Why that?",) * (WHYS - 1))


def _prose(label: str, *, rows: int = 3, most: int = 16_000, help_text: str = "") -> Any:
    return forms.CharField(
        label=label, required=False, max_length=most, help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )  # fmt: skip


class ReviewForm(forms.Form):
    """In parts, as the page shows them. The whys are pairs, asked one after the other."""

    meeting_at: forms.Field
    attendees = _prose("Attendees", help_text="One on each line.")
    impact = _prose("Impact", help_text="Whom it hurt and how, promises that were missed.")
    timeline = _prose("Timeline", rows=12, most=60_000, help_text="Drafted from the log.")
    root_cause = _prose("Root cause", most=4_000)
    trigger = _prose("Trigger", rows=2)
    factors = _prose("Contributing factors", rows=2)
    gaps = _prose("Gaps in detection", rows=2, help_text="Why it was not found sooner.")
    went_well = _prose("What went well")
    to_improve = _prose("What is to be better")
    lessons = _prose("Lessons", help_text="Told to the channels when it is published.")
    documents = _prose("Documentation", rows=2, help_text="What was changed, or why nothing.")
    no_actions = forms.CharField(
        label="Why nothing is to be done", required=False, max_length=500,
        help_text="Only where there is no action.",
    )  # fmt: skip
    is_public = forms.BooleanField(
        label="The public may read its public edition once it is published", required=False
    )

    def __init__(self, data: Any, row: IncidentReview, zone: ZoneInfo) -> None:
        super().__init__(data, label_suffix="")
        self.fields["meeting_at"] = WallField(
            zone, was=row.meeting_at, label="Meeting", required=False, help_text=f"{zone.key} time."
        )
        for place in range(WHYS):
            self.fields[f"why_{place}"] = forms.CharField(
                label=f"{place + 1}. {_ASKED[place]}", required=False, max_length=2_000,
                widget=forms.TextInput(attrs={"placeholder": _ASKED[place]}),
            )  # fmt: skip
            self.fields[f"answer_{place}"] = forms.CharField(
                label="Because", required=False, max_length=2_000,
                widget=forms.Textarea(attrs={"rows": 2}),
            )  # fmt: skip
        for name in self.fields:
            self.initial[name] = _shown(row, name)

    @property
    def parts(self) -> list[tuple[str, list[Any]]]:
        whys = [f"{part}_{place}" for place in range(WHYS) for part in ("why", "answer")]
        return [
            (title, [self[name] for name in names])
            for title, names in (
                ("The meeting", ["meeting_at", "attendees"]),
                ("What happened", ["impact", "timeline"]),
                ("Why", ["root_cause", "trigger", "factors", "gaps"]),
                ("Five whys", whys),
                ("What we learn", ["went_well", "to_improve", "lessons"]),
                ("What follows", ["documents", "no_actions", "is_public"]),
            )
        ]

    def given(self) -> dict[str, Any]:
        said = self.cleaned_data
        names = set(said) - {f"{part}_{n}" for n in range(WHYS) for part in ("why", "answer")}
        found = {name: said[name] for name in names}
        found["attendees"] = [line.strip() for line in said["attendees"].split("\n")
                              if line.strip()]  # fmt: skip
        pairs = [{"why": said[f"why_{n}"], "answer": said[f"answer_{n}"]} for n in range(WHYS)]
        found["whys"] = [pair for pair in pairs if any(pair.values())]
        return found


def _shown(row: IncidentReview, name: str) -> Any:
    part, _, place = name.rpartition("_")
    if part in {"why", "answer"} and place.isdigit():
        return row.whys[int(place)][part] if int(place) < len(row.whys) else ""
    if name == "attendees":
        return "\n".join(row.attendees)
    return row.incident.root_cause if name == "root_cause" else getattr(row, name)


class ActionForm(forms.Form):
    title = forms.CharField(label="What is to be done", max_length=200)
    kind = forms.ChoiceField(label="To what end", choices=ReviewAction.Kind.choices)
    owner = PersonField(label="Who", queryset=None, required=False)
    due_on = forms.DateField(
        label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    runbook = forms.CharField(
        label="Runbook", required=False, max_length=60, help_text="Which is to be changed."
    )

    def __init__(self, data: Any, row: IncidentReview, action: ReviewAction | None = None) -> None:
        super().__init__(data, label_suffix="")
        owner: Any = self.fields["owner"]
        owner.queryset = people_in(row.workspace)
        if action is not None:
            for name in self.fields:
                self.initial[name] = getattr(action, name)


class DropForm(forms.Form):
    reason = forms.CharField(label="Why", max_length=500)


class DocumentsForm(forms.Form):
    what = forms.CharField(label="What is to be written down", max_length=150)
    owner = PersonField(label="Who", queryset=None, required=False)

    def __init__(self, data: Any, row: IncidentReview) -> None:
        super().__init__(data, label_suffix="")
        owner: Any = self.fields["owner"]
        owner.queryset = people_in(row.workspace)
