"""The form of a flag: what describes it, and what both sides serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from deployments.flags.models import Flag

VALUES = ("off_value", "on_value")


class ValueField(forms.JSONField):
    """A value as JSON writes it. Left empty it is the usual, or stays as it is."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


def _value(label: str) -> ValueField:
    return ValueField(
        required=False,
        label=label,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text='As JSON: "blue", 12, {"limit": 5}. Empty: the usual of its type.',
    )


if TYPE_CHECKING:
    _Form = forms.ModelForm[Flag]
else:
    _Form = forms.ModelForm


class FlagForm(_Form):
    off_value = _value("When off")
    on_value = _value("When on")
    reason = forms.CharField(
        required=False, label="Why", max_length=300, help_text="It stands in the history."
    )
    override = forms.BooleanField(
        required=False,
        label="In spite of the freeze",
        help_text="Other values for those who may override; say why.",
    )

    class Meta:
        model = Flag
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.initial.update(dict.fromkeys(VALUES))  # the usual depends on the type

    def given(self) -> dict[str, Any]:
        """For the services: an empty value is none given."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in VALUES or value is not None
        }
