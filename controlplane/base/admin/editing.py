"""What an edit form needs beside its fields: what its person saw, and what a service refused.

Two people open the same form. Whoever saves second has never seen what the first one wrote, and
stock admin would silently put the old values back. So each form carries, signed, what it showed;
saving compares that with the row, under a lock, and says beside the field what it has become.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import Truncator

from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid

FIELD = "_seen"  # of the form; the leading underscore keeps it apart from a model's fields
_SALT = "controlplane.base.admin.seen"
_SHOWN = 80


class ChangedMeanwhile(Conflict):
    """The row is not what this form showed. `seen` is what the person has been shown by now."""

    def __init__(self, details: dict[str, Any], seen: str) -> None:
        super().__init__("Somebody changed this while you had it open.", details=details)
        self.seen = seen


def seen_token(obj: models.Model, names: Sequence[str]) -> str:
    """What this form shows of the row, for its way through the browser and back."""
    marks = {name: _mark(obj, field) for name, field in _columns(obj, names).items()}
    return signing.dumps({"row": _row(obj), "marks": marks}, salt=_SALT, compress=True)


def require_seen(obj: models.Model, names: Sequence[str], token: str | None) -> None:
    """Refuse when an editable field changed since the form was drawn. `obj` is locked.

    A post that brings no token comes from a script, which has shown nobody anything.
    """
    if token is None:
        return
    try:
        seen = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        seen = {}
    if seen.get("row") != _row(obj):
        raise Invalid("This form was not made for this row. Open it again.")
    details = {
        name: [_sentence(obj, name, field)]
        for name, field in _columns(obj, names).items()
        if name in seen["marks"] and seen["marks"][name] != _mark(obj, field)
    }
    if details:
        raise ChangedMeanwhile(details, seen_token(obj, names))


def _row(obj: models.Model) -> str:
    return f"{obj._meta.label_lower}:{obj.pk}"


def _columns(obj: models.Model, names: Sequence[str]) -> dict[str, Any]:
    """The stored column behind each field of the form; a secret's is its sealed one."""
    found: dict[str, Any] = {}
    for name in names:
        for column in (name, f"{name}_sealed"):
            try:
                found[name] = obj._meta.get_field(column)
                break
            except FieldDoesNotExist:
                continue
        else:
            if getattr(getattr(type(obj), name, None), "fset", None) is not None:
                found[name] = _Property(name)
    return {
        name: field for name, field in found.items() if field.concrete and not field.many_to_many
    }


class _Property:
    """A value a form may change that is kept inside some other column."""

    concrete, many_to_many = True, False

    def __init__(self, name: str) -> None:
        self.name = name

    def value_from_object(self, obj: models.Model) -> Any:
        return getattr(obj, self.name)


def _mark(obj: models.Model, field: Any) -> str:
    value = field.value_from_object(obj)
    text = bytes(value).hex() if isinstance(field, models.BinaryField) and value else repr(value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _sentence(obj: models.Model, name: str, field: Any) -> str:
    if field.name != name:
        return "Somebody replaced this meanwhile. Save again to replace theirs."
    show = getattr(obj, f"get_{name}_display", None)
    value = show() if show is not None else getattr(obj, name)
    shown = Truncator("" if value is None else str(value)).chars(_SHOWN)
    now = f"It is now “{shown}”" if shown else "It is now empty"
    return f"Somebody changed this meanwhile. {now}; save again to replace it with yours."


def refused_form(form_class: Any, error: ControlPlaneError) -> Any:
    """The same form, holding the service's refusal: by field where `details` names one."""

    class Refused(form_class):  # type: ignore[misc]
        def clean(self) -> Any:
            cleaned = super().clean()
            placed = False
            for name, sentences in error.details.items():
                if name in self.fields:
                    self.add_error(
                        name, sentences if isinstance(sentences, list) else str(sentences)
                    )
                    placed = True
            if not placed:
                self.add_error(None, error.message)
            return cleaned

    return Refused
