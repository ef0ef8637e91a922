"""Where the pages of flags are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from controlplane.catalog.models import Environment
from deployments.flags.models import ChangeRequest, Flag


def row(obj: Model) -> str:
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
    return reverse(name, args=(getattr(obj, "uid", obj.pk),))


def button(obj: Model, name: str) -> str:
    info = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_button"
    return reverse(info, args=(getattr(obj, "uid", obj.pk), name))


def editing(flag: Flag, environment: Environment) -> str:
    return reverse("flags:edit", args=(flag.uid, environment.slug))


def switching(flag: Flag, environment: Environment) -> str:
    return reverse("flags:switch", args=(flag.uid, environment.slug))


def trying(flag: Flag, environment: Environment | None = None, **context: Any) -> str:
    asked = {"flag": flag.flag_name, **context}
    if environment is not None:
        asked["in"] = environment.slug
    return f"{reverse('flags:try')}?{urlencode(asked)}"


def approval(request: ChangeRequest) -> str:
    """The page where it is decided; nothing where none is asked any more."""
    asked: Any = getattr(request, "approval", None)
    if asked is None:
        return ""
    try:
        return row(asked)
    except NoReverseMatch:
        return ""
