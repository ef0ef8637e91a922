"""What the forms of this package share: matchers, lists and small tables as texts, and a look at
what would become of a form before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from controlplane.access.models import Workspace
from controlplane.base.web import workspace_of
from controlplane.lib.errors import Invalid
from incidents.routing import matching

LOOK = "_look"  # the name of the button that only looks


class MatchersField(forms.CharField):
    """`service="agent", env!="dev"`, as Alertmanager's clients write it."""

    def __init__(self, *, some: bool = True, **given: Any) -> None:
        self.some = some
        given.setdefault("widget", forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}))
        given.setdefault("required", some)
        super().__init__(max_length=8_000, **given)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return matching.words(value) if value else ""
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        text = str(value or "").strip()
        if not text:
            return []
        try:
            return matching.read("matchers", text, some=self.some)
        except Invalid as error:
            raise ValidationError(error.message.removeprefix("matchers: ")) from error

    def run_validators(self, value: Any) -> None:
        return

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or []))
        except ValidationError:
            return True


class WordsField(forms.CharField):
    """A list, in one line with commas."""

    def __init__(self, **given: Any) -> None:
        given.setdefault("required", False)
        super().__init__(max_length=2_000, **given)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return [part.strip() for part in str(value or "").split(",") if part.strip()]

    def run_validators(self, value: Any) -> None:
        return

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


def chosen(request: HttpRequest) -> Workspace:
    workspace = workspace_of(request)
    if workspace is None:
        raise Invalid("Choose a workspace first.")
    return workspace


def is_look(request: HttpRequest) -> bool:
    return LOOK in request.POST


def look(request: HttpRequest, found: Mapping[str, Any]) -> Invalid:
    """To be raised: the form is drawn again with what was found beside it, and nothing is saved."""
    request.looked = dict(found)  # type: ignore[attr-defined]
    return Invalid("This is a look ahead; nothing was saved.")
