"""Every number of the playbooks: its value, its unit, why it is so, and where it comes from."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.console import secret_register
from controlplane.console.pages.common import console, show
from controlplane.lib import defaults

# Units of which one is called otherwise than without its last letter.
_ONE = {"people": "person", "tries": "try", "queries": "query", "addresses": "address"}


def _said(entry: Any, value: object) -> tuple[str, str]:
    """A value and its unit as people say them: "yes", "5" "seconds", "1" "day"."""
    if isinstance(value, bool):
        return ("yes" if value else "no"), ""
    if not isinstance(value, int | float):
        return str(value) or "not set", entry.unit if value else ""
    shown = f"{value:,.0f}" if value == int(value) else f"{value:,}"
    unit: str = entry.unit
    if value == 1 and unit.isalpha() and len(unit) > 2:
        unit = _ONE.get(unit, unit.removesuffix("s"))
    return shown, unit


@require_safe
@console
def settings_page(request: HttpRequest) -> HttpResponse:
    policy.require(actor_of(request), "settings.view")
    may_see_secrets = policy.can(actor_of(request), "settings.secrets").allowed
    text = request.GET.get("q", "")[:100].lower().strip()
    changed_only = "changed" in request.GET
    found = [
        entry
        for entry in sorted(defaults.REGISTERED.values(), key=lambda entry: entry.name)
        if text in f"{entry.name} {entry.why} {entry.env_name}".lower()
        and (entry.overridden or not changed_only)
    ]
    groups = [
        (
            area,
            [(entry, _said(entry, entry.value), _said(entry, entry.shipped)) for entry in entries],
        )
        for area, entries in groupby(found, key=lambda entry: entry.name.split(".", 1)[0])
    ]
    context = {
        "title": "Settings",
        "groups": groups,
        "query": request.GET.get("q", "")[:100],
        "changed_only": changed_only,
        # How well the installation looks after its secrets is not for everybody who may look in.
        "secrets": secret_register.lines() if may_see_secrets else [],
        "total": len(defaults.REGISTERED),
        "changed": sum(entry.overridden for entry in defaults.REGISTERED.values()),
    }
    return show(request, "console/settings.html", context)
