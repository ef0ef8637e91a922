"""The forms in which it is said what a deployment brings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from controlplane.access.models import User, Workspace
from controlplane.catalog.models import Component, Environment
from controlplane.oncall import duty
from controlplane.oncall.web.common import WallField, people_of
from deployments.flags.models import Flag
from deployments.models import Deployment
from deployments.services import reading, skippable

MOST_FLAGS = 500
_TALL: Any = {"rows": 5}
_CODE: Any = {"spellcheck": "false", "autocomplete": "off"}


def _line(label: str, most: int, help_text: str = "", **more: Any) -> forms.CharField:
    widget = forms.TextInput(attrs=_CODE)
    return forms.CharField(
        label=label, max_length=most, required=False, help_text=help_text, widget=widget, **more
    )


def _text(label: str, help_text: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs=_TALL)
    return forms.CharField(
        label=label, max_length=reading.LONG, required=False, help_text=help_text, widget=widget
    )


class PapersForm(forms.Form):
    """Everything that may be known of a deployment. What is not yet known stays empty: checks
    say what is missing."""

    title = _line("Title", 200, "Empty: named after the release and the environment.")
    components = forms.ModelMultipleChoiceField(
        label="Brings", queryset=Component.objects.none(), required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Each kind has steps and checks of its own.",
    )  # fmt: skip
    tier = forms.TypedChoiceField(
        label="Tier", choices=Deployment.Tier.choices, coerce=int, initial=1,
        help_text="Who consents, and how long it is watched.",
    )  # fmt: skip
    commit_sha = _line("Commit", 64)
    ci_url = _line("Link to CI", 500)
    image_tag = _line("Image version", 200, "A version: “latest” tells nobody later what ran.")
    image_digest = _line("Image digest", 80, "sha256: and 64 of 0-9 and a-f.")
    artifacts = forms.CharField(
        label="Artifacts", required=False, max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, **_CODE}),
        help_text="One a line: its name, then its SHA-256.",
    )  # fmt: skip
    release_notes = _text("Release notes", "What changes for whom. Announced when it is live.")
    rollback_plan = _text("Rollback plan", "How it is undone, and how long that takes.")
    evidence_path = _line("Evidence folder", 300, "As docs/readiness/4.2.0/.")
    backup_ref = _line("Backup", 200, "The one that steps on a database rest on.")
    flag = forms.ModelChoiceField(
        label="Flag", queryset=Flag.objects.none(), required=False, empty_label="None",
        help_text="Under which it comes, switched off.",
    )  # fmt: skip
    watcher = forms.ModelChoiceField(
        label="Who watches", queryset=User.objects.none(), required=False, empty_label="Nobody yet"
    )
    planned_at = forms.Field(label="Planned from", required=False)
    planned_until = forms.Field(label="Until", required=False)
    branch = _line("Branch", 200, "As hotfix/retries.")
    base_sha = _line("Branched from", 64, "The commit of main it was branched from.")
    scope_note = _text("Scope", "What is changed, what is left out of testing, and why.")
    hotfix_trigger = forms.ChoiceField(
        label="Because of", choices=[c for c in Deployment.Trigger.choices if c[0]],
    )  # fmt: skip

    LANE = ("branch", "base_sha", "scope_note", "hotfix_trigger")

    def __init__(
        self,
        data: Any,
        workspace: Workspace,
        zone: ZoneInfo,
        *,
        hotfix: bool = False,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        fields: dict[str, Any] = self.fields
        self.workspace = workspace
        if not hotfix:
            for name in self.LANE:
                del fields[name]
        known = Component.objects.of(workspace).filter(is_active=True).order_by("order", "name")
        fields["components"].queryset = known
        flags = Flag.objects.of(workspace).living().order_by("flag_name")
        fields["flag"].queryset = flags[:MOST_FLAGS] if not data else flags
        self._people()
        for name in ("planned_at", "planned_until"):
            was = fields[name]
            fields[name] = WallField(
                zone, label=was.label, required=False, help_text=f"{zone.key} time."
            )

    def _people(self) -> None:
        """Whoever is on shift first, and marked."""
        field: Any = self.fields["watcher"]
        on = {one.duty.person.pk for one in duty.standing(self.workspace) if one.duty is not None}
        people = people_of(self.workspace.pk)
        people.sort(key=lambda one: one.pk not in on)
        field.queryset = User.objects.filter(pk__in=[one.pk for one in people])
        field.choices = [
            ("", field.empty_label),
            *(
                (one.pk, f"{called(one)}, on shift" if one.pk in on else called(one))
                for one in people
            ),
        ]
        self.on_shift = [one for one in people if one.pk in on]

    def clean(self) -> dict[str, Any]:
        """Browsers end lines in their own way: what nobody changed must not read as changed."""
        found = super().clean() or self.cleaned_data
        for name, value in found.items():
            if isinstance(value, str):
                found[name] = value.replace("\r\n", "\n")
        return found

    def clean_artifacts(self) -> list[dict[str, str]]:
        found = []
        for line in self.cleaned_data["artifacts"].splitlines():
            if not line.strip():
                continue
            name, _, hashed = line.strip().rpartition(" ")
            if not name:
                raise forms.ValidationError(f"“{line.strip()[:80]}”: a name, then its SHA-256.")
            found.append({"name": name.strip(), "sha256": hashed})
        return found

    def given(self) -> dict[str, Any]:
        """For the service. A title left empty is the service's to make."""
        data = dict(self.cleaned_data)
        if not data["title"]:
            del data["title"]
        data["components"] = list(data["components"])
        return data


class PlanForm(PapersForm):
    release = forms.CharField(
        label="Release", max_length=100, widget=forms.TextInput(attrs=_CODE),
        help_text="Its version, as 4.2.0. One deployment of it into each environment.",
    )  # fmt: skip
    environment = forms.ModelChoiceField(
        label="Environment", queryset=Environment.objects.none(), empty_label=None
    )
    item = _line(
        "Work item", 120, "The issue that is there, by its key. Empty: one is located or made."
    )
    kind = forms.ChoiceField(
        label="Kind", choices=[("standard", "Standard"), ("canary", "Canary: behind its flag")]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        hotfix = bool(kwargs.get("hotfix"))
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        if hotfix:
            del fields["kind"]
        rows = Environment.objects.of(self.workspace).order_by("order", "slug")
        fields["environment"].queryset = rows


class HotfixForm(PlanForm):
    """With the validations that are skipped: each ticked one with its reason."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, hotfix=True, **kwargs)
        fields: dict[str, Any] = self.fields
        self.validations = skippable()
        for gate in self.validations:
            fields[f"why-{gate.slug}"] = forms.CharField(
                label=gate.title, max_length=reading.REASON, required=False, label_suffix="",
                widget=forms.TextInput(attrs={"placeholder": "Why it is skipped"}),
            )  # fmt: skip
        if not self.is_bound and self.on_shift:
            self.initial.setdefault("watcher", self.on_shift[0].pk)

    @property
    def skips(self) -> Iterable[Any]:
        for gate in self.validations:
            yield self[f"why-{gate.slug}"]

    def given(self) -> dict[str, Any]:
        data = super().given()
        skipped = {}
        for gate in self.validations:
            why = data.pop(f"why-{gate.slug}").strip()
            if why:
                skipped[gate.slug] = why
        return {**data, "skipped": skipped}


class EnsureForm(forms.Form):
    release = forms.CharField(
        label="Release", max_length=100, widget=forms.TextInput(attrs=_CODE),
        help_text="Its version, as 4.2.0.",
    )  # fmt: skip
    environment = forms.ModelChoiceField(
        label="Environment", queryset=Environment.objects.none(), empty_label=None,
        to_field_name="slug",
    )  # fmt: skip

    def __init__(self, data: Any, workspace: Workspace, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        fields: dict[str, Any] = self.fields
        rows = Environment.objects.of(workspace).order_by("order", "slug")
        fields["environment"].queryset = rows


# As they are laid out: (words, fields, whether folded until something stands in it).
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What goes where",
     ("release", "environment", "kind", "item", "tier", "components", "flag", "title")),
    ("Why it goes at once", ("hotfix_trigger", "scope_note", "branch", "base_sha")),
    ("What exactly", ("commit_sha", "ci_url", "image_tag", "image_digest", "artifacts")),
    ("If it goes wrong", ("rollback_plan", "backup_ref")),
    ("What is told", ("release_notes", "evidence_path")),
    ("When, and who watches", ("planned_at", "planned_until", "watcher")),
)  # fmt: skip


def sections(form: PapersForm) -> list[tuple[str, list[Any]]]:
    found = []
    for words, names in SECTIONS:
        here = [form[name] for name in names if name in form.fields]
        if here:
            found.append((words, here))
    return found


def as_it_is(row: Deployment) -> dict[str, Any]:
    """What the form shows of a deployment that is there."""
    names = [name for name in PapersForm.base_fields if name not in {"components", "artifacts"}]
    return {
        **{name: getattr(row, name) for name in names},
        "components": [part.component_id for part in row.parts.order_by("position")],
        "artifacts": "\n".join(f"{each['name']} {each['sha256']}" for each in row.artifacts),
        **{name: _minute(getattr(row, name)) for name in ("planned_at", "planned_until")},
    }


def called(person: User) -> str:
    return person.name or person.email


def _minute(at: datetime | None) -> datetime | None:
    """As exact as the form is: what nobody touched reads as unchanged."""
    return at.replace(second=0, microsecond=0) if at is not None else None
