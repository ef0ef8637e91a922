"""The forms of a rollout: its plan, its figures, its end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib.errors import ControlPlaneError
from deployments.canary.limits import JUDGES, Limits
from deployments.canary.plans import LONGEST_HOLD, MOST_STEPS, PRESETS
from deployments.canary.services import reporters
from deployments.canary.services.planning import UNDONE
from deployments.canary.sources import impact, prometheus
from deployments.flags.models import Flag
from deployments.models import Deployment, Rollout
from deployments.shown.canaries import length

MOST_NAMES = 500
ROWS = 4
_CODE: Any = {"spellcheck": "false", "autocomplete": "off"}
_NUMBER: Any = {"inputmode": "decimal", "autocomplete": "off"}

# As people write them: shares in per cent, time in minutes.
LIMITS: dict[str, tuple[str, float, str]] = {
    "max_error_rate": ("At most failing, %", 100, "Above it the playbook rolls back."),
    "max_latency_ratio": (
        "Slow: times the baseline's p95",
        1,
        "What takes longer counts as slow.",
    ),
    "max_slow_share": ("At most slow, %", 100, "By what a p95 is, 5 % of a healthy release are."),
    "max_violations": ("Safeguard violations allowed", 1, "The playbook allows none."),
    "min_samples": ("Least sample, requests", 1, "Fewer can't show that it is healthy."),
    "literal_samples": (
        "Plain limit from, requests",
        1,
        "From here on above the limit is no noise.",
    ),
    "confirm_ticks": ("Looks in a row above it", 1, "That many, and the plain limit rolls back."),
    "min_errors": ("Least failed for proof", 1, "Two of two failed would already look like one."),
    "alpha": ("False alarms, %", 100, "Of healthy rollouts, for each test."),
    "stale_after": ("Silent after, minutes", 1 / 60, "So long without figures, and it is held."),
    "max_holds": ("Held for, times the step", 1, "Then a person decides, or it is rolled back."),
}
WHOLE = frozenset(
    {"max_violations", "min_samples", "literal_samples", "confirm_ticks", "min_errors"}
)
IMPACT = {
    "requests": "Requests, a counter",
    "errors": "Failed requests, a counter",
    "latency": "Latency, a histogram",
    "violations": "Safeguard violations, a counter",
}
QUERIES = {
    "requests": "Requests of the cohort",
    "errors": "Failed ones",
    "slow": "Slow ones",
    "violations": "Safeguard violations",
    "others": "Requests without the flag",
    "others_errors": "Failed ones of those",
    "others_slow": "Slow ones of those",
    "error_rate": "Or the error rate, 0 to 1",
    "p95_ms": "The cohort's p95 (ms)",
    "others_p95_ms": "P95 without the flag (ms)",
    "baseline_requests": "Baseline: requests",
    "baseline_errors": "Baseline: failed ones",
    "baseline_error_rate": "Or its error rate",
    "baseline_p95_ms": "Baseline: p95 (ms)",
}


def _preset(name: str, label: str) -> str:
    steps = ", ".join(f"{percent} % {length(minutes)}" for percent, minutes in PRESETS[name])
    return f"{label}: {steps}"


PRESET_CHOICES = [
    ("standard", _preset("standard", "Standard")),
    ("cautious", _preset("cautious", "Cautious")),
    ("custom", "Own steps"),
]
JUDGE_CHOICES = [(name, f"{name.capitalize()}: {words}") for name, words in JUDGES.items()]


def _line(label: str, most: int, help_text: str = "", **more: Any) -> forms.CharField:
    widget = forms.TextInput(attrs=_CODE)
    return forms.CharField(
        label=label, max_length=most, required=False, help_text=help_text, widget=widget, **more
    )


class PlanForm(forms.Form):
    """A new plan, or the one that stands until it begins."""

    flag = _line("Flag", 200, "Off in the environment; every step brings it to more people.")
    environment = forms.ChoiceField(label="Environment")
    deployment = forms.ChoiceField(
        label="Deployment", required=False,
        help_text="What brought the code. Nothing starts before it is watched or completed.",
    )  # fmt: skip
    title = _line("Called", 200, "Empty: the flag and where.")
    preset = forms.ChoiceField(
        label="Steps", choices=PRESET_CHOICES, widget=forms.RadioSelect, initial="standard"
    )
    steps = forms.CharField(required=False, widget=forms.HiddenInput)  # refusals of all of them
    automatic = forms.BooleanField(
        label="Go on by itself when a step is through", required=False, initial=True,
        help_text="Rolling back happens by itself either way.",
    )  # fmt: skip
    judge = forms.ChoiceField(
        label="Judge", choices=JUDGE_CHOICES, widget=forms.RadioSelect, initial="guarded"
    )
    source = forms.ChoiceField(
        label="Figures come from",
        choices=Rollout.Source.choices,
        widget=forms.RadioSelect,
        initial="telemetry",
    )
    unit = forms.ChoiceField(
        label="Latency is in", choices=[("ms", "milliseconds"), ("s", "seconds")], required=False
    )
    reporter = forms.ChoiceField(
        label="Posted by", required=False,
        help_text="People who may post always can. Of agents only the one named here.",
    )  # fmt: skip
    url = _line("Server", 500, "Its address, without /api/v1.")
    token = forms.CharField(
        label="Token", max_length=4_000, required=False, strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept sealed. Empty: none, or the one that is kept.",
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any, workspace: Workspace, rollout: Rollout | None = None, **more: Any
    ) -> None:
        initial = {**(_as_it_is(rollout) if rollout else {}), **(more.pop("initial", None) or {})}
        super().__init__(data, initial=initial, label_suffix="", **more)
        self.workspace, self.rollout = workspace, rollout
        fields: dict[str, Any] = self.fields
        self._limits(fields)
        self._sources(fields)
        self._steps(fields, data)
        places = workspace.environments.order_by("order", "pk")
        fields["environment"].choices = [(each.slug, each.name) for each in places]
        if rollout is not None:
            for name in ("flag", "environment"):
                del fields[name]
        fields["reporter"].choices = [("", "People alone"), *_agents(workspace, rollout)]
        fields["deployment"].choices = [("", "None"), *_deployments(workspace, rollout)]

    def _limits(self, fields: dict[str, Any]) -> None:
        standard = Limits()
        for name, (label, scale, help_text) in LIMITS.items():
            value = getattr(standard, name)
            value = value.total_seconds() if name == "stale_after" else value
            kind = forms.IntegerField if name in WHOLE else forms.FloatField
            fields[name] = kind(
                label=label, required=False,
                help_text=f"{help_text} Empty: {_plain(value, scale)}.",
                widget=forms.TextInput(attrs=_NUMBER), label_suffix="",
            )  # fmt: skip

    def _sources(self, fields: dict[str, Any]) -> None:
        for name, label in IMPACT.items():
            fields[f"impact_{name}"] = _line(label, 200, label_suffix="")
        for name, label in QUERIES.items():
            fields[f"query_{name}"] = _line(label, 2_000, label_suffix="")

    def _steps(self, fields: dict[str, Any], data: Any) -> None:
        standing = self.rollout.steps.count() if self.rollout is not None else 0
        typed = [key for key in (data or {}) if re.fullmatch(r"percent\d", key)]
        self.places = min(max(standing + 1, ROWS, len(typed)), MOST_STEPS)
        for place in range(self.places):
            fields[f"percent{place}"] = forms.IntegerField(
                label=f"Step {place + 1}, %", min_value=1, max_value=100, required=False,
                widget=forms.TextInput(attrs=_NUMBER), label_suffix="",
            )  # fmt: skip
            fields[f"minutes{place}"] = forms.IntegerField(
                label="Minutes", min_value=1, max_value=LONGEST_HOLD, required=False,
                widget=forms.TextInput(attrs=_NUMBER), label_suffix="",
            )  # fmt: skip

    # --- For the page ---------------------------------------------------------------------

    @property
    def step_rows(self) -> Iterator[Any]:
        for place in range(self.places):
            yield self[f"percent{place}"], self[f"minutes{place}"]

    @property
    def limit_rows(self) -> Iterator[Any]:
        return (self[name] for name in LIMITS)

    @property
    def impact_rows(self) -> Iterator[Any]:
        return (self[f"impact_{name}"] for name in IMPACT)

    @property
    def query_rows(self) -> Iterator[Any]:
        return (self[f"query_{name}"] for name in QUERIES)

    @property
    def flag_names(self) -> list[str]:
        rows = Flag.objects.of(self.workspace).living().order_by("flag_name")
        return list(rows.values_list("flag_name", flat=True)[:MOST_NAMES])

    @property
    def has_own_limits(self) -> bool:
        """Whether a number differs from the installation's, or is refused: then they are shown."""
        typed = any(self[name].value() not in (None, "") for name in LIMITS)
        return typed or any(name in self.errors for name in LIMITS)

    # --- What was given -------------------------------------------------------------------

    def given(self) -> dict[str, Any]:
        """As the services take it."""
        data = self.cleaned_data
        found: dict[str, Any] = {
            "title": data["title"],
            "preset": data["preset"],
            "limits": self._given_limits(),
            "source": data["source"],
            "asking": self._asking(),
            "automatic": data["automatic"],
            "deployment": self._deployment(),
        }
        if data["source"] == Rollout.Source.POSTED:
            found["reporter"] = data["reporter"]
        if data["preset"] == "custom":
            found["steps"] = [step for _, step in self._given_steps()]
        return found

    def _given_steps(self) -> list[tuple[int, dict[str, Any]]]:
        """With the row each was typed into: those left empty are skipped."""
        rows = [
            (
                place,
                {
                    "percent": self.cleaned_data.get(f"percent{place}"),
                    "hold_minutes": self.cleaned_data.get(f"minutes{place}"),
                },
            )
            for place in range(self.places)
        ]
        return [(place, row) for place, row in rows if any(v is not None for v in row.values())]

    def _given_limits(self) -> dict[str, Any]:
        found: dict[str, Any] = {"judge": self.cleaned_data["judge"]}
        for name, (_, scale, _) in LIMITS.items():
            value = self.cleaned_data.get(name)
            if value is not None:
                found[name] = value if scale == 1 else value / scale
        return found

    def _asking(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data["source"] == Rollout.Source.IMPACT:
            names = {name: data[f"impact_{name}"] for name in IMPACT if data[f"impact_{name}"]}
            return {**names, "unit": data["unit"] or "ms"}
        if data["source"] == Rollout.Source.PROMETHEUS:
            queries = {name: data[f"query_{name}"] for name in QUERIES if data[f"query_{name}"]}
            return {"url": data["url"], "queries": queries, "token": data["token"]}
        return {}

    def _deployment(self) -> Deployment | None:
        ref = self.cleaned_data["deployment"]
        rows = Deployment.objects.of(self.workspace).select_related("environment", "item__project")
        return rows.filter(ref=ref).first() if ref else None

    def tell(self, error: ControlPlaneError) -> None:
        """Beside the field that a refusal names, else above all."""
        told = False
        for name, said in error.details.items():
            field = self._field_of(name)
            if field in self.fields and isinstance(said, str):
                self.add_error(field, said)
                told = True
        if not told:
            self.add_error(None, error.message)

    def _field_of(self, name: str) -> str:
        if found := re.fullmatch(r"steps\[(\d+)\](?:\.(\w+))?", name):
            rows = self._given_steps()
            place = rows[int(found[1])][0] if int(found[1]) < len(rows) else 0
            part = "minutes" if found[2] == "hold_minutes" else "percent"
            return f"{part}{place}"
        name = name.removeprefix("limits.")
        if name.startswith("asking.queries."):
            return f"query_{name.removeprefix('asking.queries.')}"
        if name == "asking.queries":
            return "query_requests"
        if name.startswith("asking."):
            part = name.removeprefix("asking.")
            return f"impact_{part}" if part in IMPACT else part
        return "source" if name == "asking" else name


def _plain(value: float, scale: float) -> str:
    return f"{value * scale:g}"


def _deployments(workspace: Workspace, rollout: Rollout | None) -> list[tuple[str, str]]:
    rows = Deployment.objects.of(workspace).exclude(kind=Deployment.Kind.ROLLBACK)
    fitting = ~Q(status__in=UNDONE)
    if rollout is not None:
        fitting &= Q(environment=rollout.environment)
    found = rows.filter(fitting).select_related("environment").order_by("-pk")[:50]
    return [(each.ref, f"{each.ref} {each.title}, {each.environment}"[:120]) for each in found]


def _agents(workspace: Workspace, rollout: Rollout | None) -> list[tuple[str, str]]:
    """Those who could be named; and who is, though no longer active."""
    known = reporters.names(workspace)
    now = reporters.name_of(rollout) if rollout is not None else ""
    return [(name, name) for name in (*known, *({now} - {"", *known}))]


def _as_it_is(rollout: Rollout) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": rollout.title,
        "deployment": rollout.deployment.ref if rollout.deployment else "",
        "preset": rollout.preset,
        "automatic": rollout.automatic,
        "source": rollout.source,
        "reporter": reporters.name_of(rollout),
        "version": rollout.version,
        "judge": rollout.limits.get("judge", "guarded"),
    }
    standard = Limits().written()
    for name, (_, scale, _) in LIMITS.items():
        value = rollout.limits.get(name, standard[name])
        if value != standard[name]:
            found[name] = _plain(value, scale)
    for place, step in enumerate(rollout.steps.order_by("position")):
        found |= {f"percent{place}": step.percent, f"minutes{place}": step.hold_minutes}
    asking: Mapping[str, Any] = rollout.asking
    found |= {f"impact_{role}": asking[role] for role in impact.ROLES if role in asking}
    found |= {name: asking[name] for name in ("unit", "url") if name in asking}
    queries = asking.get("queries", {})
    known = (*prometheus.NAMES, *prometheus.BASE)
    return found | {f"query_{name}": queries[name] for name in known if name in queries}
