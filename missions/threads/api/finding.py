"""The thread of a path: by its uid, or by its ref such as THR-7."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from controlplane.base.api import workspaces
from controlplane.lib.errors import Invalid, NotFound
from missions.threads.models import Thread

NOT_HERE = "Nothing is here, or it is not yours to see."
_REF = re.compile(r"[A-Za-z]{2,8}-[0-9]{1,12}")


def uid_in(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) in {32, 36} else None
    except ValueError:
        return None


def uid_of(request: Any, given: str) -> UUID:
    """A uid is taken as it is: whoever asks for it is looked at by what reads or writes. A ref
    means a thread of the one workspace that the request is about."""
    uid = uid_in(given)
    if uid is not None:
        return uid
    if _REF.fullmatch(given):
        workspace = getattr(request, "workspace", None) or workspaces.choose(request, request.actor)
        rows = Thread.objects.filter(workspace=workspace, ref=given.upper())
        found: UUID | None = rows.values_list("uid", flat=True).first()
        if found is not None:
            return found
    raise NotFound(NOT_HERE)


def number_of(request: Any, name: str, default: int | None) -> int | None:
    """A whole number of the query."""
    text = request.GET.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"{name}: A whole number.", details={name: "A whole number, 0 or more."})
    return int(text)


def flag_of(request: Any, name: str) -> bool:
    text = request.GET.get(name, "false")
    if text not in {"true", "false"}:
        raise Invalid(f"{name}: true or false.", details={name: "true or false."})
    return bool(text == "true")
