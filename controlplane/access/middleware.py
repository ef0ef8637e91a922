"""Who is asking: `request.actor` for every request, `request.workspace` where one is chosen.

A session counts only while its row does: not ended, not idle too long, not past its hours, and
of the person's present epoch. Whoever fails this is signed out here, before any page looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from controlplane.access import services
from controlplane.access.models import User, UserSession, Workspace
from controlplane.access.principals import actor_for_user
from controlplane.lib import context
from controlplane.lib.actors import ANONYMOUS, Actor
from controlplane.lib.kept import Question

EPOCH_KEY = "access_epoch"
WORKSPACE_KEY = "access_workspace"
OFFERED = 50  # workspaces that the switcher names
# Answered without asking who: they must work while the database does not.
PUBLIC_PATHS = frozenset({"/health", "/ready", "/metrics"})
PUBLIC_PAGES = "/status/"  # and all below it: the same for everybody


class CurrentActor:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        actor, workspace = ANONYMOUS, None
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not _is_public(request.path):
            actor = self._actor(request)
            workspace = _workspace(request, actor)
        request.actor = actor  # type: ignore[attr-defined]
        request.workspace = workspace  # type: ignore[attr-defined]
        if actor.kind != "anonymous":
            context.note(
                user_ref=actor.ref,
                workspace=workspace.slug if workspace else "",
                zone=request.user.time_zone if isinstance(request.user, User) else "",
            )
        return self.get_response(request)

    def _actor(self, request: HttpRequest) -> Actor:
        user = request.user
        if not user.is_authenticated:
            return ANONYMOUS
        session = _session_in_force(request, user)
        if session is None:
            request.session.flush()
            request.user = AnonymousUser()
            return ANONYMOUS
        services.touch_session(session)
        request.user_session = session  # type: ignore[attr-defined]
        factor = session.second_factor_at
        return actor_for_user(
            user,
            session_id=str(session.uid),
            second_factor_at=factor.timestamp() if factor else None,
        )


def _is_public(path: str) -> bool:
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PAGES)


def _session_in_force(request: HttpRequest, user: User) -> UserSession | None:
    key = request.session.session_key
    if key is None or request.session.get(EPOCH_KEY) != user.session_epoch:
        return None
    session = services.session_in_force(key, user)
    if session is None:
        return None
    # The switch may have been turned on since: who came in without a code signs in again.
    if settings.REQUIRE_SECOND_FACTOR and session.second_factor_at is None:
        return None
    return session


def _workspace(request: HttpRequest, actor: Actor) -> Workspace | None:
    """The one named by this request, else the one chosen before, else the only one.

    A name that is not the actor's answers 404 and never falls back to another workspace: a
    person must not act in one while believing to be in the other.
    """
    is_api = request.path_info.startswith("/api/")  # there `base.api` reads what is named
    named = not is_api and (request.headers.get("X-Workspace") or request.GET.get("workspace"))
    if named:
        found = _among(actor.workspace_ids).filter(slug=named).first()
        if found is None and actor.kind != "anonymous":
            raise Http404("No such workspace.")
        return found
    if not actor.workspace_ids:
        return None
    # All of them at once: the one question also answers what the switcher offers.
    rows = _OFFERED.rows(sorted(actor.workspace_ids))
    request.workspaces = rows  # type: ignore[attr-defined]
    if WORKSPACE_KEY not in request.session:
        return rows[0] if len(rows) == 1 else None
    chosen = request.session[WORKSPACE_KEY]
    found = next((row for row in rows if row.slug == chosen), None)
    if found is None and len(rows) == OFFERED:
        return _among(actor.workspace_ids).filter(slug=chosen).first()
    return found


def _among(workspace_ids: Collection[int]) -> QuerySet[Workspace]:
    return Workspace.objects.open().filter(pk__in=workspace_ids).order_by("name")


_OFFERED: Question[Workspace] = Question(lambda workspaces: _among(workspaces)[:OFFERED])
