"""The form of a policy. Its slots are rows of plain fields, so that it works without script: a
row without a title and roles is none, and two empty ones stand below the last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.text import slugify

from controlplane.access.policy import PEOPLE, ROLES
from controlplane.approvals.models import Policy

MOST_SLOTS = 10
SPARE = 2
ROLES_OF_A_SLOT = 3
MOST_ESCALATED = 3
HELP = {
    "target_minutes": "Minutes until an answer is late: 240 are 4 h.",
    "expires_minutes": "Minutes until nobody can answer any more.",
    "fresh_factor_minutes": "Minutes a signer's second factor may be old; 0 for no limit.",
}


def _roles(first: str) -> list[tuple[str, str]]:
    return [("", first), *((slug, label) for slug, (label, _) in ROLES.items() if slug in PEOPLE)]


if TYPE_CHECKING:
    _Form = forms.ModelForm[Policy]
else:
    _Form = forms.ModelForm


class PolicyForm(_Form):
    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    remind = forms.CharField(
        required=False,
        label="Remind at (% of the target)",
        max_length=40,
        initial="50",
        help_text="Up to five, as 50, 90. The first turns the clock amber.",
    )

    class Meta:
        model = Policy
        fields = ("slug", "name", "about", "order", "target_minutes", "expires_minutes",
                  "fresh_factor_minutes")  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "fresh_factor_minutes" in self.fields:  # not on the page of who may not change it
            self.fields["fresh_factor_minutes"].required = False
        policy = self.instance
        given = list(policy.slots or []) if policy.pk else []
        shown = min(len(given) + SPARE, MOST_SLOTS)
        for number in range(MOST_SLOTS):
            row = given[number] if number < len(given) else {}
            self._slot_fields(number, row)
        # Whatever was typed into stays in sight when the form comes back with a mistake.
        typed = [n for n in range(MOST_SLOTS) if self.data.get(self.add_prefix(f"slot{n}_title"))]
        self.rows_shown = max(shown, max(typed, default=-1) + 1)
        for place in range(MOST_ESCALATED):
            kept = policy.escalate_to if policy.pk else []
            self.fields[f"escalate{place}"] = forms.ChoiceField(
                choices=_roles("Nobody" if place == 0 else "And nobody else"),
                required=False,
                label="Then tell" if place == 0 else "And tell",
                initial=kept[place] if place < len(kept) else "",
            )
        if policy.pk:
            self.fields["remind"].initial = ", ".join(map(str, policy.remind_at))
            self.fields["seen_version"].initial = policy.version
        for name, field in self.fields.items():
            field.label_suffix = ""
            field.help_text = HELP.get(name, field.help_text)

    def _slot_fields(self, number: int, row: dict[str, Any]) -> None:
        roles = list(row.get("roles", ()))
        self.fields[f"slot{number}_slug"] = forms.CharField(
            required=False, widget=forms.HiddenInput, initial=row.get("slug", ""), max_length=50
        )
        self.fields[f"slot{number}_title"] = forms.CharField(
            required=False, label="Called", initial=row.get("title", ""), max_length=120
        )
        # As many as it has, should somebody have given it more by the API.
        for place in range(max(ROLES_OF_A_SLOT, len(roles))):
            self.fields[f"slot{number}_role{place}"] = forms.ChoiceField(
                choices=_roles("Choose a role" if place == 0 else "or nobody else"),
                required=False,
                label="Signed by" if place == 0 else "Or signed by",
                initial=roles[place] if place < len(roles) else "",
            )
        self.fields[f"slot{number}_count"] = forms.IntegerField(
            required=False, label="Signatures", min_value=1, max_value=20,
            initial=row.get("count", 1),
        )  # fmt: skip
        self.fields[f"slot{number}_own"] = forms.BooleanField(
            required=False,
            label="Whoever asks may sign it",
            initial=row.get("requester_may", False),
        )

    # --- For the template -----------------------------------------------------------------

    @property
    def slot_rows(self) -> Iterator[dict[str, Any]]:
        for number in range(self.rows_shown):
            roles = [name for name in self.fields if name.startswith(f"slot{number}_role")]
            yield {
                "number": number + 1,
                "slug": self[f"slot{number}_slug"],
                "title": self[f"slot{number}_title"],
                "roles": [self[name] for name in roles],
                "count": self[f"slot{number}_count"],
                "own": self[f"slot{number}_own"],
            }

    @property
    def escalation(self) -> list[Any]:
        return [self[f"escalate{place}"] for place in range(MOST_ESCALATED)]

    # --- For the service ------------------------------------------------------------------

    def clean_remind(self) -> list[int]:
        text = str(self.cleaned_data["remind"] or "").replace("%", "").replace(",", " ")
        try:
            return [int(word) for word in text.split()]
        except ValueError:
            raise forms.ValidationError("Whole numbers, as 50, 90.") from None

    def given_slots(self) -> list[dict[str, Any]]:
        """Every row that says anything; the service says what is missing in one."""
        data, found, used = self.cleaned_data, [], set()
        for number in range(MOST_SLOTS):
            title = data.get(f"slot{number}_title", "")
            roles = [
                data[name] for name in self.fields
                if name.startswith(f"slot{number}_role") and data.get(name)
            ]  # fmt: skip
            if not title and not roles:
                continue
            slug = data.get(f"slot{number}_slug") or slugify(title or roles[0])[:50].strip("-")
            slug = slug or f"slot-{number + 1}"
            slug = slug if slug not in used else f"{slug[:46]}-{number + 1}"
            used.add(slug)
            found.append(
                {
                    "slug": slug,
                    "title": title,
                    "roles": roles,
                    "count": data.get(f"slot{number}_count") or 1,
                    "requester_may": bool(data.get(f"slot{number}_own")),
                }
            )
        return found

    def given(self) -> dict[str, Any]:
        data = self.cleaned_data
        told = [data.get(f"escalate{place}") for place in range(MOST_ESCALATED)]
        return {
            "name": data["name"],
            "about": data["about"],
            "order": data["order"],
            "target_minutes": data["target_minutes"],
            "expires_minutes": data["expires_minutes"],
            "fresh_factor_minutes": data["fresh_factor_minutes"] or 0,
            "remind_at": data["remind"],
            "escalate_to": [role for role in told if role],
            "slots": self.given_slots(),
        }
