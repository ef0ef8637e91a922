"""Fields of the flags' forms that Django has none for."""

from __future__ import annotations

from typing import Any

from django import forms

from controlplane.work.models import Item


class ItemField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A work item by its id, typed: a menu of all items would be endless."""

    default_error_messages = {"invalid_choice": "There is no work item of this id."}

    def __init__(self, rows: Any) -> None:
        super().__init__(
            queryset=rows,
            to_field_name="key",
            required=False,
            label="Work item",
            label_suffix="",
            help_text="The release it belongs to, by its id: each change is told there.",
            widget=forms.TextInput(attrs={"placeholder": "bd-a1f", "spellcheck": "false"}),
        )

    def to_python(self, value: Any) -> Any:
        key = str(value or "").replace("\x00", "").strip()[:120]
        if not key:
            return None
        rows: Any = self.queryset
        found = rows.filter(key__iexact=key).order_by("pk").first()
        if found is None:
            raise forms.ValidationError(self.error_messages["invalid_choice"], "invalid_choice")
        return found

    def prepare_value(self, value: Any) -> Any:
        """What is kept is a key of the database; what is shown is the item's id."""
        if isinstance(value, int):
            return Item.objects.filter(pk=value).values_list("key", flat=True).first()
        return super().prepare_value(value)


class PersonField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Members by their names; the address tells two of one name apart."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.email})" if obj.name else str(obj.email)
