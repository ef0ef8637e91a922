"""Opaque names for what an audit row is about: "access.user:12"."""

from __future__ import annotations

from typing import Any

from django.db.models import Model


def subject_type(subject: Any) -> str:
    if isinstance(subject, Model):
        return subject._meta.label_lower
    return str(subject).partition(":")[0]


def subject_ref(subject: Any) -> str:
    """The name of a model instance, or the text itself when the caller made one."""
    if isinstance(subject, Model):
        return f"{subject._meta.label_lower}:{subject.pk}"
    return str(subject)


def names_one(ref: str) -> bool:
    """Whether a ref names one thing. "notify.delivery:*" is any of them, met before a row was:
    what happened to it happened to no row in particular."""
    return bool(ref) and not ref.endswith(":*")
