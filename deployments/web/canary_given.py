"""Forms of what people give to a rollout that is planned: its baseline, figures, how it went."""

from __future__ import annotations

from typing import Any

from django import forms

_NUMBER: Any = {"inputmode": "decimal", "autocomplete": "off"}


def _count(label: str) -> forms.IntegerField:
    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    return forms.IntegerField(label=label, min_value=0, required=False, widget=widget)


def _milliseconds(label: str, help_text: str = "") -> forms.FloatField:
    return forms.FloatField(
        label=label, min_value=0, required=False, help_text=help_text,
        widget=forms.TextInput(attrs=_NUMBER),
    )  # fmt: skip


class BaselineForm(forms.Form):
    """How it is without the flag, read elsewhere."""

    requests = _count("Requests")
    error_rate = forms.FloatField(
        label="Of which fail, %", min_value=0, max_value=100, required=False,
        widget=forms.TextInput(attrs=_NUMBER),
    )  # fmt: skip
    p95_ms = _milliseconds("95th percentile (ms)", "Empty: slowness is not judged.")
    violations = _count("Safeguard violations")

    def given(self) -> dict[str, Any]:
        found = {name: value for name, value in self.cleaned_data.items() if value is not None}
        if "error_rate" in found:
            found["error_rate"] /= 100
        return found


class FiguresForm(forms.Form):
    """What was counted since the last post."""

    n = _count("Requests with the flag")
    errors_ = _count("With the flag: failed")
    slow = _count("With the flag: slow")
    p95_ms = _milliseconds("With the flag: 95th percentile (ms)")
    violations = _count("Safeguard violations")
    others = _count("Requests without the flag")
    others_errors = _count("Without the flag: failed")
    others_slow = _count("Without the flag: slow")
    others_p95_ms = _milliseconds("Without the flag: 95th percentile (ms)")

    def given(self) -> dict[str, Any]:
        return {
            name.rstrip("_"): value
            for name, value in self.cleaned_data.items()
            if value is not None
        }


class CompleteForm(forms.Form):
    """How it went, and until when the flag is taken out."""

    metrics_note = forms.CharField(
        label="How it went", max_length=20_000, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="The figures that show it. It ends the rollout and stays on its page.",
    )  # fmt: skip
    remove_by = forms.DateField(
        label="The flag is out of the code by", required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )  # fmt: skip
