"""Nobody gets through a route they were not meant to: walked, not sampled."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.api.checks import api_routes_are_declared, faults, routes
from controlplane.base.api.views import PortalAPIView
from tests import make
from tests.kit import matrix, sample_api

pytestmark = pytest.mark.django_db
OPERATIONS = matrix.operations()


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """Thousands of refusals are expected here and not worth a line each."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_every_route__is_declared() -> None:
    assert api_routes_are_declared() == []
    assert len(OPERATIONS) >= 5


def test_routes__below_the_version_carry_it() -> None:
    plain = {"api-schema", "api-docs"}
    for route in routes():
        if route.path.startswith("/api/") and route.name not in plain:
            assert route.path.startswith(("/api/v1/", "/api/users/")), route.path


def test_calls__leave_no_row_behind() -> None:
    before = Workspace.objects.count()
    for broken in (False, True, False):
        with matrix.taken_back():
            make.workspace("left-behind")
            if broken:
                with pytest.raises(IntegrityError):
                    Workspace.objects.create(slug="left-behind")
        assert Workspace.objects.count() == before


def test_undeclared_view__is_a_fault() -> None:
    class Bare(PortalAPIView):
        def get(self, request: Any) -> None: ...

    class Odd(PortalAPIView):
        actions = {"POST": "no.such_action", "GET": "agent.view"}
        throttle = "no such class"

        def post(self, request: Any) -> None: ...
        def delete(self, request: Any) -> None: ...

    assert faults(Bare) == ["declares no actions.", "GET is answered and not declared."]
    assert len(faults(Odd)) == 5
    assert faults(sample_api.Agents) == []


def test_nobody__gets_nothing_from_any_route() -> None:
    browser = Client()
    for operation in OPERATIONS:
        if operation.open_to_anyone:
            continue
        response: Any = browser.generic(operation.method, operation.path(), b"")
        assert response.status_code == 401, operation
        assert matrix.code(response) == "UNAUTHORIZED", operation


def test_roles__do_what_the_table_says_and_no_more() -> None:
    """Each route is called by two whom the table refuses and one whom it lets in; which roles
    these are goes round from route to route. The table itself, role by role, is proven in
    `tests/access/test_roles.py`."""
    workspace = make.workspace()
    user = make.person(workspace, "viewer")
    actors = list(matrix.actors(workspace, user, make.agent(workspace)))
    wrong: list[str] = []
    called: set[tuple[str, bool]] = set()
    for at, operation in enumerate(OPERATIONS):
        turn = [*actors[at % len(actors) :], *actors[: at % len(actors)]]
        allowed = [actor for actor in turn if operation.allows(actor, workspace)]
        refused = [actor for actor in turn if actor not in allowed]
        for actor in [*refused[:2], *allowed[:1]]:
            named = workspace.slug if actor.workspace_ids else ""
            response = matrix.call(operation, actor, user=user, workspace=named)
            called.add((actor.label, actor in allowed))
            if not _as_expected(operation, actor, workspace, response):
                wrong.append(f"{actor.label}: {operation} -> {response.status_code}")
    assert wrong == []
    assert {label for label, _ in called} >= set(policy.ROLES)
    assert len({label for label, let_in in called if let_in}) > len(policy.ROLES) / 2


def _as_expected(operation: matrix.Operation, actor: Any, workspace: Any, response: Any) -> bool:
    status = response.status_code
    if status >= 500 or status == 401:
        return False
    if operation.in_workspace and not actor.workspace_ids and not operation.open_to_anyone:
        return bool(status == 403)
    # A permitted caller may still be refused for what they ask, not for who they are.
    return bool(operation.allows(actor, workspace) or status == 403)


def test_every_role_elsewhere__is_a_stranger_here() -> None:
    here, elsewhere = make.workspace(), make.workspace()
    user = make.person(elsewhere, "viewer")
    *actors, root = matrix.actors(elsewhere, user, make.agent(elsewhere))
    everywhere = matrix.everything(elsewhere, user)
    for at, operation in enumerate(OPERATIONS):
        if operation.open_to_anyone or not operation.in_workspace:
            continue
        for actor in (actors[at % len(actors)], root, everywhere):
            response = matrix.call(operation, actor, user=user, workspace=here.slug)
            expected = "NOT_FOUND" if operation.reads else "WORKSPACE_MISMATCH"
            assert matrix.code(response) == expected, (actor.label, operation)


@pytest.mark.slow
def test_strangers__touch_no_row_of_another_workspace(settings: Any, tmp_path: Path) -> None:
    """With real rows: the demo workspace's, found through its own lists."""
    settings.STATE_DIR = tmp_path
    call_command("seed_demo", stdout=io.StringIO(), stderr=io.StringIO())
    demo = Workspace.objects.get(slug="demo")
    user = make.person(demo, "viewer")
    elsewhere = make.workspace()
    stranger, owner = matrix.everything(elsewhere, user), matrix.everything(demo, user)
    lists = {operation.route.path: operation for operation in OPERATIONS if operation.reads}
    walked = 0
    for operation in OPERATIONS:
        path = operation.route.path
        if "<uuid:uid>" not in path or path.startswith("/api/v1/me/"):  # theirs wherever they are
            continue
        if path.startswith("/api/v1/jobs/"):  # the portal's, not a workspace's
            continue
        known = _first_of(operation, lists, owner, user, demo)
        if known is None:
            continue
        path = operation.path(known)
        response = matrix.call(operation, stranger, user=user, workspace=elsewhere.slug, path=path)
        assert response.status_code in {403, 404}, (operation, response.content[:300])
        if operation.reads:
            own = matrix.call(operation, owner, user=user, workspace=demo.slug, path=path)
            assert own.status_code == 200, operation
            if file := getattr(own, "file_to_stream", None):
                file.close()  # nobody reads it
        walked += 1
    assert walked >= 5


def _first_of(
    operation: matrix.Operation, lists: Any, actor: Any, user: Any, workspace: Any
) -> dict[str, Any] | None:
    """The route's parameters, of the first row of each list on the way; none where one is empty."""
    known: dict[str, Any] = {}
    for name, parent in operation.parents:
        listed = lists.get(parent)
        if listed is None:
            return None
        response: Any = matrix.call(
            listed, actor, user=user, workspace=workspace.slug, path=listed.path(known)
        )
        assert response.status_code == 200, (listed, response.content[:300])
        rows = (getattr(response, "data", None) or {}).get("items") or []
        named = [row[name] for row in rows if name in row]
        if not named:
            return None
        known[name] = named[0]
    return known
