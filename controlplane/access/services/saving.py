"""Checked writing: what the model refuses becomes a product error with a sentence per field."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid


def save_checked(obj: models.Model, *, conflict: str) -> None:
    """Validate and save. `conflict` is what to say when somebody else was first."""
    try:
        obj.full_clean(exclude=at_hand(obj), validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise as_invalid(error) from error
    try:
        with transaction.atomic():
            obj.save()
    except IntegrityError as error:
        raise Conflict(conflict) from error


def at_hand(obj: models.Model) -> set[str]:
    """Relations to rows that were read or made just now. Validation would ask for each of them
    whether it is there, which the database's own keys see to."""
    return {
        field.name
        for field in obj._meta.fields
        if isinstance(field, models.ForeignKey)
        and field.is_cached(obj)
        and field.value_from_object(obj)
    }


def as_invalid(error: ValidationError, field: str = "detail") -> Invalid:
    if hasattr(error, "error_dict"):
        details = {name: list(texts) for name, texts in error.message_dict.items()}
    else:
        details = {field: list(error.messages)}
    first = next(iter(details.values()))
    return Invalid(first[0], details=details)


def invalid(field: str, message: str) -> Invalid:
    return Invalid(message, details={field: [message]})


def by(actor: Actor) -> str:
    """Who did it, as text: it outlives the account."""
    return str(actor)[:200]


def required_reason(reason: str, *, least: int = 4) -> str:
    reason = reason.strip()
    if len(reason) < least:
        raise invalid("reason", "Say why, in a few words.")
    if len(reason) > 300:
        raise invalid("reason", "Keep the reason within 300 characters.")
    return reason
