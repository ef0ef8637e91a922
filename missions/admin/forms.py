"""The form of a mission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField

from controlplane.access.models import User
from missions.models import Mission

if TYPE_CHECKING:
    _Form = forms.ModelForm[Mission]
    _Person = forms.ModelChoiceField[User]
else:
    _Form, _Person = forms.ModelForm, forms.ModelChoiceField


class PersonField(_Person):
    """Members by their names; the address tells two of one name apart."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.email})" if obj.name else str(obj.email)


class MissionForm(_Form):
    owner = PersonField(
        queryset=User.objects.none(),
        required=False,
        help_text="Who answers for it: a Mission Owner. Nobody named: whoever plans it.",
    )
    tags = SimpleArrayField(
        forms.CharField(max_length=40), required=False, help_text="Separated by commas."
    )

    class Meta:
        model = Mission
        fields = (
            "title", "intent", "owner", "mission_type", "persona", "priority", "due_on", "tags",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "mission_type" in self.fields:
            self.fields[
                "mission_type"
            ].help_text = "The flag mission_type_… of this name must be on for it to run."
