"""Services of saved views."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit import services as audit
from controlplane.base import cache
from controlplane.console.models import SavedView
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed

MOST_VIEWS = defaults.define(
    "console.saved_views", 100, unit="views", why="one person's saved views; more is a folder"
)
FRAMES = "frame:"  # what stands around pages, remembered for seconds: pinned views among it
# Where in a list one stands is no part of what a view means.
PASSING = frozenset({"p", "before", "after", "workspace", "e", "_part"})


def save(
    workspace: Workspace,
    *,
    actor: Actor,
    name: str,
    page: str,
    query: str = "",
    shared: bool = False,
    pinned: bool = True,
) -> SavedView:
    if actor.user_id is None:
        raise NotAllowed("Saved views belong to people.")
    policy.require(actor, "view.share" if shared else "view.save", workspace)
    name = " ".join(name.split())
    if not name or "\x00" in name or len(name) > 80:
        raise Invalid(
            "Give the view a name of up to 80 characters.", details={"name": ["Name it."]}
        )
    if not page.startswith("/admin/") or len(page) > 200 or "\x00" in page:
        raise Invalid("Only lists of the console can be saved.")
    kept = plain_query(query)
    if len(kept) > 2000:
        raise Invalid("These filters are too long to be saved.")
    with transaction.atomic():
        owned = SavedView.objects.filter(owner_id=actor.user_id)
        if owned.count() >= MOST_VIEWS.value:
            raise Invalid(f"You have {MOST_VIEWS.value} saved views. Delete one first.")
        view = SavedView(
            workspace=workspace,
            owner_id=actor.user_id,
            name=name,
            page=page,
            query=kept,
            shared=shared,
            pinned=pinned,
        )
        try:
            with transaction.atomic():
                view.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict("You have a view of this name here already.") from error
        audit.record(actor, "view.save", view, after=_shown(view))
        cache.forget(FRAMES)
    return view


def change(
    view: SavedView,
    *,
    actor: Actor,
    pinned: bool | None = None,
    shared: bool | None = None,
) -> SavedView:
    with transaction.atomic():
        view = SavedView.objects.select_for_update().get(pk=view.pk)
        _own(view, actor)
        if shared is not None and shared != view.shared:
            policy.require(actor, "view.share", view.workspace)
        before = _shown(view)
        view.pinned = view.pinned if pinned is None else pinned
        view.shared = view.shared if shared is None else shared
        if _shown(view) != before:
            view.save(update_fields=["pinned", "shared"])
            audit.record(actor, "view.save", view, before=before, after=_shown(view))
            cache.forget(FRAMES)
    return view


def delete(view: SavedView, *, actor: Actor) -> None:
    with transaction.atomic():
        view = SavedView.objects.select_for_update().get(pk=view.pk)
        _own(view, actor)
        audit.record(actor, "view.save", view, before=_shown(view), reason="deleted")
        view.delete()
        cache.forget(FRAMES)


def plain_query(query: str) -> str:
    """The query string without what passes, in a form that compares."""
    try:
        pairs = parse_qsl(query.lstrip("?")[:4000], keep_blank_values=True, max_num_fields=60)
    except ValueError:
        raise Invalid("These are too many filters to be saved.") from None
    return urlencode(
        sorted((key, value) for key, value in pairs if key not in PASSING and "\x00" not in value)
    )


def _own(view: SavedView, actor: Actor) -> None:
    """One's own; a shared one also whoever manages the workspace, so that it can be tidied."""
    if view.owner_id == actor.user_id:
        policy.require(actor, "view.save", view.workspace)
    elif view.shared:
        policy.require(actor, "workspace.manage", view.workspace)
    else:
        raise NotAllowed("This view is somebody else's.")


def may_change(view: SavedView, *, actor: Actor) -> bool:
    """For buttons: what `_own` would say."""
    if view.owner_id == actor.user_id:
        return bool(policy.can(actor, "view.save", view.workspace))
    return view.shared and bool(policy.can(actor, "workspace.manage", view.workspace))


def _shown(view: SavedView) -> dict[str, object]:
    return {
        "name": view.name,
        "page": view.page,
        "query": view.query,
        "shared": view.shared,
        "pinned": view.pinned,
    }
