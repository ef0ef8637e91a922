"""What the pages share: who may open them, the frame around them, which flag they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid, NotFound
from deployments.flags.models import Flag, FlagState
from deployments.flags.shown import links

View = Callable[..., HttpResponseBase]
_SALT = "deployments.flags.seen"


def page(view: View) -> View:
    """For whoever may enter the console and see flags."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "flag.view")
        return view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    shown = {**admin.site.each_context(request), **context}
    flag = context.get("flag")
    if flag is not None:
        shown["flag_url"] = links.row(flag)
    return render(request, f"flags/{template}", shown, status=status)


def state_of(request: HttpRequest, uid: UUID, slug: str) -> FlagState:
    """How the flag stands there. Out of sight is the same as gone."""
    rows = FlagState.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.filter(workspace=chosen)
    known = rows.select_related("flag__workspace", "environment")
    found: FlagState | None = known.filter(flag__uid=uid, environment__slug=slug).first()
    if found is None:
        raise NotFound("No such flag in such an environment.")
    return found


def workspace_shown(request: HttpRequest) -> Workspace | None:
    """Where none is chosen, the first of one's own by name."""
    chosen = workspace_of(request)
    known: list[Workspace] = getattr(request, "workspaces", [])
    return chosen or (known[0] if known else None)


# --- What a form showed, signed, for its way through the browser and back -----------------------


def seen_token(state: FlagState) -> str:
    shown = {"state": state.pk, "version": state.version, "settings": state.settings}
    return signing.dumps(shown, salt=_SALT, compress=True)


def read_seen(state: FlagState, token: str) -> tuple[int, dict[str, Any]]:
    """The version and the settings that the person saw."""
    try:
        seen = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        seen = {}
    if seen.get("state") != state.pk:
        raise Invalid("This form was not made for this flag. Open it again.")
    return seen["version"], seen["settings"]


def editable(flag: Flag) -> None:
    if flag.is_archived:
        raise Invalid("The flag is archived. Restore it first.")
