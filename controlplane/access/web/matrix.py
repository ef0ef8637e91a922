"""The roles × actions matrix: the permission table as it is asked, printed."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.access.web.common import console, show
from controlplane.base.web import actor_of

_FAMILIES = {
    "administration": "Administration",
    "mission": "Mission roles",
    "operations": "Operations roles",
    "agent": "Agent roles",
}


@console
@require_safe
def matrix(request: HttpRequest) -> HttpResponse:
    """By family of roles, since 34 columns at once can't be read. `?family=` chooses."""
    policy.require(actor_of(request), "workspace.view")
    family = request.GET.get("family", "administration")
    if family not in _FAMILIES:
        family = "administration"
    roles = [(slug, label) for slug, (label, of) in policy.ROLES.items() if of == family]
    rows = [
        {
            "name": name,
            "area": name.split(".")[0],
            "label": entry.label,
            "by_key": entry.by_key,
            "cells": [(label, held[slug]) for slug, label in roles],
            "rules": [check.__name__.replace("_", " ") for check in policy.RULES.get(name, ())],
        }
        for name, (entry, held) in policy.matrix().items()
    ]
    context = {
        "title": "Roles and what they may do",
        "families": _FAMILIES,
        "family": family,
        "family_label": _FAMILIES[family],
        "roles": roles,
        "areas": [(area, list(of)) for area, of in groupby(rows, key=lambda row: row["area"])],
    }
    return show(request, "matrix.html", context)
