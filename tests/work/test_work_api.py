"""The work graph's API, as people and agents call it: items and lists."""

from __future__ import annotations

import pytest

from controlplane.access.models import User, Workspace
from controlplane.work import services
from controlplane.work.models import Item, ItemEvent
from tests import make
from tests.kit import settled, work
from tests.kit.api import Api, refused
from tests.kit.work import keys

pytestmark = pytest.mark.django_db
HERE = "/api/v1/work"


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def person(workspace: Workspace) -> User:
    return make.person(workspace, "operations_command")


@settled.once
def api(person: User) -> Api:
    return Api(browser=make.client(person))


@settled.once
def agent(workspace: Workspace) -> Api:
    return Api(make.key(make.agent(workspace, role="executor"))[1])


@settled.once
def stranger() -> Api:
    return Api(browser=make.client(make.person(make.workspace(), "workspace_admin")))


@settled.once
def viewer(workspace: Workspace) -> Api:
    return Api(browser=make.client(make.person(workspace, "viewer")))


def test_gate__what_it_waits_for_is_given_changed_and_taken_away(
    api: Api, stranger: Api, viewer: Api
) -> None:
    given = {"title": "Wait", "issue_type": "gate", "await_type": "gh:run", "await_id": "99"}
    made = api.post(f"{HERE}/items", given)
    assert made.status_code == 201, made.content
    path = f"{HERE}/items/{made.json()['key']}"

    def waits() -> tuple[str, str]:
        row = api.get(path).json()
        assert "extra" not in row
        return row["await_type"], row["await_id"]

    assert waits() == ("gh:run", "99")
    changed = api.send("PATCH", path, {"await_type": "gh:pr", "await_id": "acme/web#7"})
    assert (changed.json()["await_type"], changed.json()["await_id"]) == waits()
    assert waits() == ("gh:pr", "acme/web#7")
    assert "acme/web#7" in ItemEvent.objects.filter(kind="updated").latest("pk").new
    refused(api.send("PATCH", path, {"await_type": "weather"}), "INVALID_ARGUMENT")
    refused(api.send("PATCH", path, {"await_type": ""}), "INVALID_ARGUMENT")
    refused(api.send("PATCH", path, {"await_id": "9" * 201}), "INVALID_ARGUMENT")
    refused(stranger.send("PATCH", path, {"await_id": "8"}), "NOT_FOUND")
    assert viewer.send("PATCH", path, {"await_id": "8"}).status_code == 403
    assert waits() == ("gh:pr", "acme/web#7")
    api.send("PATCH", path, {"await_type": "", "await_id": ""})
    assert waits() == ("", "")
    assert Item.objects.get(key=made.json()["key"]).extra == {}
    refused(api.post(f"{HERE}/items", given | {"issue_type": "task"}), "INVALID_ARGUMENT")


# --- Items ------------------------------------------------------------------------------------


def test_item__opened_seen_changed_closed_reopened(api: Api) -> None:
    made = api.post(
        f"{HERE}/items",
        {
            "title": "Deploy 4.2",
            "issue_type": "deployment",
            "priority": 1,
            "labels": ["ops"],
            "metadata": {"a": 1},
        },
    )
    assert made.status_code == 201, made.content
    path = made["Location"]
    row = made.json()
    assert (row["issue_type"], row["priority"], row["labels"]) == ("deployment", 1, ["ops"])
    seen = api.get(path.upper().replace("/API/V1/WORK/ITEMS", f"{HERE}/items"))
    assert seen.json() == row
    assert api.get(path, **{"If-None-Match": seen["ETag"]}).status_code == 304
    change = {"status": "in_progress", "add_labels": ["canary"]}
    changed = api.send("PATCH", path, change, **{"If-Match": seen["ETag"]})
    assert (changed.json()["status"], changed.json()["labels"]) == (
        "in_progress",
        ["canary", "ops"],
    )
    late = api.send("PATCH", path, {"title": "other"}, **{"If-Match": seen["ETag"]})
    refused(late, "PRECONDITION_FAILED")
    refused(api.post(f"{path}/close", {}), "GATE_NOT_MET")
    closed = api.post(f"{path}/close", {"reason": "deployed"})
    assert (closed.json()["status"], closed.json()["close_reason"]) == ("closed", "deployed")
    assert api.post(f"{path}/reopen", {"reason": "again"}).json()["status"] == "open"


def test_item__by_uid_and_by_key_are_the_same(api: Api, workspace: Workspace) -> None:
    item = work.item(workspace)
    assert api.get(f"{HERE}/items/{item.uid}").json() == api.get(f"{HERE}/items/{item.key}").json()


def test_parent__set_moved_and_left(api: Api, workspace: Workspace) -> None:
    one, two = work.item(workspace, "One"), work.item(workspace, "Two")
    child = api.post(f"{HERE}/items", {"title": "Part", "parent": one.key}).json()
    assert child["parent"] == one.key
    path = f"{HERE}/items/{child['key']}"
    assert api.send("PATCH", path, {"parent": two.key}).json()["parent"] == two.key
    assert keys(api.get(f"{HERE}/items?parent={two.key}")) == [child["key"]]
    assert api.send("PATCH", path, {"parent": None}).json()["parent"] is None
    details = refused(api.send("PATCH", path, {"parent": "bd-nothing"}), "INVALID_ARGUMENT")
    assert "parent" in details


def test_claim__one_wins(api: Api, agent: Api, workspace: Workspace) -> None:
    item = work.item(workspace)
    path = f"{HERE}/items/{item.key}/claim"
    first = agent.post(path, {}).json()
    assert first["status"] == "in_progress"
    assert first["assignee"]
    refused(api.post(path, {}), "CONFLICT")


def test_ready_claim__gives_each_another_until_none_is_left(
    api: Api, agent: Api, workspace: Workspace
) -> None:
    work.item(workspace, "One", labels=["ops"])
    work.item(workspace, "Two", labels=["ops"])
    work.item(workspace, "Other")
    path = f"{HERE}/ready/claim"
    first = agent.post(path, {"labels": ["ops"]}).json()["item"]
    second = api.post(path, {"labels": ["ops"]}).json()["item"]
    assert {first["title"], second["title"]} == {"One", "Two"}
    assert agent.post(path, {"labels": ["ops"]}).json() == {"item": None}


def test_defer_and_undefer(api: Api, workspace: Workspace) -> None:
    item = work.item(workspace)
    path = f"{HERE}/items/{item.key}"
    put_off = api.post(f"{path}/defer", {"until": "2099-01-01T00:00:00Z"}).json()
    assert (put_off["status"], put_off["defer_until"]) == ("deferred", "2099-01-01T00:00:00Z")
    assert keys(api.get(f"{HERE}/items?deferred=true")) == [item.key]
    assert api.post(f"{path}/undefer", {}).json()["status"] == "open"


def test_ensure__finds_what_is_unfinished(api: Api) -> None:
    asked = {"key": "deploy:4.2", "title": "Deploy 4.2", "issue_type": "deployment"}
    first = api.post(f"{HERE}/ensure", asked).json()
    again = api.post(f"{HERE}/ensure", asked).json()
    assert (first["created"], again["created"]) == (True, False)
    assert first["item"]["key"] == again["item"]["key"]


def test_watch__is_for_people(api: Api, agent: Api, workspace: Workspace) -> None:
    item = work.item(workspace)
    path = f"{HERE}/items/{item.key}/watch"
    assert api.post(path, {"on": True}).json() == {"watching": True}
    assert keys(api.get(f"{HERE}/items?watching=true")) == [item.key]
    assert api.post(path, {"on": False}).json() == {"watching": False}
    refused(agent.post(path, {"on": True}), "INVALID_ARGUMENT")


def test_same_key_in_two_projects__means_operations_unless_one_is_named(
    api: Api, workspace: Workspace, person: User
) -> None:
    actor = make.actor(person)
    here = work.item(workspace, "Of operations", key="bd-1")
    others = [
        services.create_project(workspace, actor=actor, name=name, prefix="bd")
        for name in ("Web", "App")
    ]
    for project in others:
        services.create_item(project, actor=actor, title=project.name, key="bd-1")
        services.create_item(project, actor=actor, title=project.name, key="bd-2")
    assert api.get(f"{HERE}/items/bd-1").json()["uid"] == str(here.uid)
    assert api.get(f"{HERE}/items/bd-1?project=web").json()["title"] == "Web"
    assert api.get(f"{HERE}/items/bd-1?project={others[1].uid}").json()["title"] == "App"
    refused(api.get(f"{HERE}/items/bd-2"), "INVALID_ARGUMENT")
    refused(api.get(f"{HERE}/items/bd-2?project=nowhere"), "NOT_FOUND")


def test_sandboxes__are_their_owners_alone(api: Api, agent: Api, person: User) -> None:
    workspace = Workspace.objects.get(memberships__user=person)
    actor = make.actor(person)
    sandbox = services.open_sandbox(workspace, "/somewhere", actor=actor)
    item = services.create_item(sandbox, actor=actor, title="try")
    assert keys(api.get(f"{HERE}/items")) == []
    assert keys(api.get(f"{HERE}/items?project={sandbox.uid}")) == [item.key]
    refused(agent.get(f"{HERE}/items?project={sandbox.uid}"), "NOT_FOUND")
    refused(agent.get(f"{HERE}/items/{item.uid}"), "NOT_FOUND")
    refused(agent.get(f"{HERE}/items/{item.key}"), "NOT_FOUND")
    assert str(sandbox.uid) not in agent.get(f"{HERE}/projects").content.decode()


# --- Lists ------------------------------------------------------------------------------------


@pytest.fixture
def some(workspace: Workspace, person: User) -> dict[str, Item]:
    actor = make.actor(person)
    rows = {
        "plain": work.item(workspace, "Plain lighthouse", priority=3),
        "ops": work.item(workspace, "Ops", labels=["ops", "canary"], external_ref="v4.2"),
        "mine": work.item(workspace, "Mine", assignee=person.email, item_type="bug"),
        "late": work.item(workspace, "Late", labels=["ops"]),
        "backlog": work.item(
            workspace,
            "Undo plans",
            in_backlog=True,
            stage="plan_approve",
            kpi="undo coverage",
            readiness_artifact="undo plan",
            impact=5,
            effort=1,
        ),
        "waiting": work.item(workspace, "Waiting"),
        "done": work.item(workspace, "Done"),
    }
    services.add_dependency(rows["waiting"], rows["plain"], actor=actor)
    services.close_item(rows["done"], actor=actor, reason="done")
    return rows


FOUND = [
    ("status=closed", "done"),
    ("status=open,closed&labels=ops", "ops late"),
    ("category=done", "done"),
    ("type=bug", "mine"),
    ("exclude_type=bug&unassigned=true&q=ops", "ops"),
    ("priority=3", "plain"),
    ("labels=ops,canary", "ops"),
    ("labels_any=canary,nothing", "ops"),
    ("labels=ops&labels_none=canary", "late"),
    ("mine=true", "mine"),
    ("blocked=true", "waiting"),
    ("ready=true&priority=3", "plain"),
    ("q=lighthouses", "plain"),
    ("external_ref=v4.2", "ops"),
    ("backlog=true", "backlog"),
    ("stage=plan_approve", "backlog"),
    ("created_after=2099-01-01T00:00:00Z", ""),
    ("created_before=2099-01-01T00:00:00Z&status=closed", "done"),
    ("updated_after=2000-01-01T00:00:00Z&status=closed", "done"),
    ("overdue=true", ""),
]


def test_filters__find_what_they_say(api: Api, some: dict[str, Item]) -> None:
    for query, names in FOUND:
        expected = {some[name].key for name in names.split()}
        assert set(keys(api.get(f"{HERE}/items?{query}"))) == expected, query


def test_ready__has_what_can_be_begun_the_most_pressing_first(
    api: Api, some: dict[str, Item]
) -> None:
    found = keys(api.get(f"{HERE}/ready"))
    assert some["waiting"].key not in found
    assert found[-1] == some["plain"].key
    assert keys(api.get(f"{HERE}/ready?labels=canary")) == [some["ops"].key]
    assert keys(api.get(f"{HERE}/items?sort=score&limit=1")) == [some["backlog"].key]


def test_pages__follow_one_another(api: Api, some: dict[str, Item]) -> None:
    for sort in ("priority", "score", "title"):
        seen: list[str] = []
        path = f"{HERE}/items?limit=3&sort={sort}"
        while path:
            page = api.get(path).json()
            seen += [row["key"] for row in page["items"]]
            path = page["next"]
        assert sorted(seen) == sorted(item.key for item in some.values())


@pytest.mark.parametrize(
    "query",
    [
        "status=",
        "priority=9",
        "ready=maybe",
        "nonsense=1",
        "created_after=soon",
        "sort=x",
        "stage=z",
    ],
)
def test_odd_filters__are_refused(api: Api, query: str) -> None:
    refused(api.get(f"{HERE}/items?{query}"), "INVALID_ARGUMENT")
