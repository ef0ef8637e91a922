"""The work graph's API: the parts of an item, the whole graph in and out, strangers on every
route."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from controlplane.access.models import User, Workspace
from controlplane.base.api.checks import routes
from controlplane.base.api.schema import WRITES
from controlplane.base.api.serializers import read
from controlplane.work import services
from controlplane.work.models import Item, ItemLink
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
def stranger() -> Api:
    return Api(browser=make.client(make.person(make.workspace(), "workspace_admin")))


@settled.once
def viewer(workspace: Workspace) -> Api:
    return Api(browser=make.client(make.person(workspace, "viewer")))


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


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


# --- Parts of an item -------------------------------------------------------------------------


def test_comments_and_history(api: Api, workspace: Workspace) -> None:
    item = work.item(workspace)
    path = f"{HERE}/items/{item.key}"
    said = api.post(f"{path}/comments", {"text": "build 311 green"})
    assert said.status_code == 201
    assert said.json()["id"].isdigit()
    refused(api.post(f"{path}/comments", {"text": "  "}), "INVALID_ARGUMENT")
    assert [row["text"] for row in api.get(f"{path}/comments").json()["items"]] == [
        "build 311 green"
    ]
    kinds = [row["event_type"] for row in api.get(f"{path}/events").json()["items"]]
    assert kinds == ["commented", "created"]
    activity = api.get(f"{HERE}/activity?event_type=commented").json()["items"]
    assert [row["key"] for row in activity] == [item.key]


def test_edges__added_listed_cut_and_circles_refused(api: Api, workspace: Workspace) -> None:
    one, two = work.item(workspace, "One"), work.item(workspace, "Two")
    path = f"{HERE}/items/{one.key}/dependencies"
    made = api.post(path, {"depends_on": two.key.upper()})
    assert made.status_code == 201, made.content
    assert made.json()["depends_on"] == two.key
    other = f"{HERE}/items/{two.key}/dependencies"
    refused(api.post(other, {"depends_on": one.key}), "CONFLICT")
    refused(api.post(other, {"depends_on": two.key}), "CONFLICT")
    refused(api.post(other, {"depends_on": "bd-nothing"}), "INVALID_ARGUMENT")
    outside = api.post(other, {"depends_on": "external:billing:api", "type": "related"}).json()
    assert (outside["depends_on"], outside["outside"]) == (None, "external:billing:api")
    assert len(api.get(other).json()["items"]) == 2
    assert api.get(f"{HERE}/cycles").json() == {"items": []}
    assert api.send("DELETE", f"{path}/{two.key}").status_code == 204
    refused(api.send("DELETE", f"{path}/{two.key}"), "NOT_FOUND")
    assert api.send("DELETE", f"{other}/external:billing:api").status_code == 204


def test_tree__shows_both_sides(api: Api, workspace: Workspace) -> None:
    root = work.item(workspace, "Root")
    child = work.item(workspace, "Child", parent=root)
    blocker = work.item(workspace, "Blocker")
    services.add_dependency(root, blocker, actor=work.worker(workspace))
    path = f"{HERE}/items/{root.key}/tree"
    found = {row["key"]: row for row in api.get(path).json()["items"]}
    assert set(found) == {root.key, child.key, blocker.key}
    assert found[child.key]["edge"] == "parent-child"
    down = api.get(f"{path}?direction=down").json()["items"]
    assert [row["key"] for row in down] == [root.key, blocker.key]
    refused(api.get(f"{path}?depth=0"), "INVALID_ARGUMENT")
    refused(api.get(f"{path}?direction=round"), "INVALID_ARGUMENT")


def test_file__is_kept_and_comes_as_a_download_only(
    api: Api, viewer: Api, stranger: Api, workspace: Workspace, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    item = work.item(workspace)
    script = b"<script>alert(1)</script>"
    sent = {
        "filename": "../../page.html",
        "content_base64": base64.b64encode(script).decode(),
        "media_type": "text/html",
    }
    made = api.post(f"{HERE}/items/{item.key}/attachments", sent)
    assert made.status_code == 201, made.content
    path = made.json()["download"]
    got = viewer.get(path)
    assert body(got) == script
    assert got["Content-Type"] == "application/octet-stream"
    assert got["Content-Disposition"].startswith("attachment")
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Cache-Control"] == "private, no-store"
    refused(stranger.get(path), "NOT_FOUND")
    refused(Api().get(path), "UNAUTHORIZED")
    refused(viewer.send("DELETE", path), "FORBIDDEN")
    assert api.send("DELETE", path).status_code == 204
    refused(api.get(path), "NOT_FOUND")


def test_file__that_is_none_is_refused(api: Api, workspace: Workspace) -> None:
    path = f"{HERE}/items/{work.item(workspace).key}/attachments"
    for content in ("", "####"):
        refused(api.post(path, {"filename": "a", "content_base64": content}), "INVALID_ARGUMENT")
    assert not ItemLink.objects.exists()


def test_link__must_lead_somewhere(api: Api, workspace: Workspace) -> None:
    path = f"{HERE}/items/{work.item(workspace).key}/links"
    assert api.post(path, {"url": "https://ci.example.org/1"}).status_code == 201
    refused(api.post(path, {"url": "javascript:alert(1)"}), "INVALID_ARGUMENT")
    refused(api.post(path, {"url": "https://ci.example.org", "kind": "x"}), "INVALID_ARGUMENT")


# --- The whole graph --------------------------------------------------------------------------


def test_projects__started_and_configured(api: Api, viewer: Api) -> None:
    made = api.post(f"{HERE}/projects", {"name": "Website", "prefix": "web"})
    assert made.status_code == 201, made.content
    path = made["Location"]
    tag = api.get(path)["ETag"]
    changed = api.send("PATCH", path, {"ids": "sequence"}, **{"If-Match": tag})
    assert changed.json()["ids"] == "sequence"
    item = api.post(f"{HERE}/items", {"title": "First", "project": "Website"}).json()
    assert item["key"] == "web-1"
    assert api.send("PATCH", path, {"archived": True}).json()["archived_at"]
    refused(viewer.send("PATCH", path, {"archived": False}), "FORBIDDEN")
    refused(api.post(f"{HERE}/projects", {"name": "website", "prefix": "w"}), "CONFLICT")


def test_stats__count(api: Api, some: dict[str, Item]) -> None:
    found = api.get(f"{HERE}/stats").json()
    assert (found["total_issues"], found["closed_issues"], found["blocked_issues"]) == (7, 1, 1)


def test_export_and_import__through_the_door(api: Api, some: dict[str, Item]) -> None:
    got = api.get(f"{HERE}/export")
    data = body(got)
    assert got["Content-Type"] == "application/x-ndjson"
    assert int(got["Content-Length"]) == len(data)
    assert len(data.splitlines()) == 7
    project = api.post(f"{HERE}/projects", {"name": "Copy", "prefix": "bd"}).json()["uid"]
    path = f"{HERE}/import?project={project}"
    dry = api.raw("POST", f"{path}&dry_run=true", data, type="application/x-ndjson").json()
    assert dry["created"] == 7
    packed = gzip.compress(data)
    done = api.raw("POST", path, packed, type="application/x-ndjson", Content_Encoding="gzip")
    assert done.json()["created"] == 7, done.content
    assert api.raw("POST", path, data, type="application/x-ndjson").json()["unchanged"] == 7
    assert body(api.get(f"{HERE}/export?project={project}")) == data


def test_import__with_a_key_happens_once(api: Api) -> None:
    line = json.dumps({"id": "bd-1", "title": "One"}).encode()
    first = api.raw("POST", f"{HERE}/import", line, Idempotency_Key="k1")
    again = api.raw("POST", f"{HERE}/import", line, Idempotency_Key="k1")
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"


def test_large_import__is_answered_in_few_words(api: Api) -> None:
    rows = (json.dumps({"id": f"bd-{'x' * 90}{n}", "title": "x"}) for n in range(3_000))
    sent = "\n".join(rows).encode()
    for _ in range(2):
        answer = api.raw("POST", f"{HERE}/import", sent, Idempotency_Key="large")
        assert answer.status_code == 200, answer.content[:300]
        assert (answer.json()["created"], len(answer.json()["ids"])) == (3_000, 800)


def test_import__refuses_by_line_whole(api: Api, viewer: Api) -> None:
    torn = b'{"id":"bd-1","title":"One"}\n{"id":"bd-2","tit'
    details = refused(api.raw("POST", f"{HERE}/import", torn), "INVALID_ARGUMENT")
    assert details["line"] == 2
    assert not Item.objects.exists()
    refused(api.raw("POST", f"{HERE}/import?on_newer=x", b""), "INVALID_ARGUMENT")
    refused(api.raw("POST", f"{HERE}/import", b"a,b", type="text/csv"), "UNSUPPORTED_MEDIA_TYPE")
    refused(viewer.raw("POST", f"{HERE}/import", torn), "FORBIDDEN")


def test_tasks_json__in_and_out(api: Api) -> None:
    tasks = [
        {"id": "T-1", "title": "Alert on lag", "area": "telemetry", "blocked_by": []},
        {"id": "T-2", "title": "Tune it", "area": "telemetry", "blocked_by": ["T-1"]},
    ]
    assert len(api.post(f"{HERE}/tasks.json", tasks).json()["created"]) == 2
    assert api.get(f"{HERE}/tasks.json").json() == tasks
    assert api.post(f"{HERE}/tasks.json", tasks).json()["unchanged"] == 2


# --- Strangers, and the document --------------------------------------------------------------


def test_strangers__find_nothing_and_change_nothing(
    stranger: Api, viewer: Api, workspace: Workspace
) -> None:
    item = work.item(workspace, labels=["ops"])
    path = f"{HERE}/items/{item.key}"
    assert keys(stranger.get(f"{HERE}/items")) == []
    for part in ("", "/comments", "/events", "/tree", "/dependencies", "/links", "/attachments"):
        refused(stranger.get(f"{path}{part}"), "NOT_FOUND")
    for part, sent in (
        ("close", {"reason": "x"}),
        ("reopen", {}),
        ("claim", {}),
        ("defer", {}),
        ("comments", {"text": "x"}),
        ("dependencies", {"depends_on": item.key}),
    ):
        refused(stranger.post(f"{path}/{part}", sent), "NOT_FOUND")
        refused(viewer.post(f"{path}/{part}", sent), "FORBIDDEN")
    refused(stranger.send("PATCH", f"{HERE}/items/{item.uid}", {"title": "x"}), "NOT_FOUND")
    refused(viewer.post(f"{HERE}/items", {"title": "x"}), "FORBIDDEN")
    refused(viewer.post(f"{HERE}/ensure", {"key": "k", "title": "x"}), "FORBIDDEN")
    refused(viewer.post(f"{HERE}/ready/claim", {}), "FORBIDDEN")
    item.refresh_from_db()
    assert item.revision == 1


def test_examples__fit_their_forms() -> None:
    shown = 0
    for route in routes():
        view = route.view
        if view is None or not route.path.startswith((HERE, "/api/v1/hooks")):
            continue
        for method, example in view.examples.items():
            shown += 1
            if method in WRITES:
                read(view.inputs[method], example)
                continue
            form: Any = view.outputs.get(method) or getattr(view, "output", None)
            fields = set(form().fields)
            rows = example["items"] if getattr(view, "is_list", False) else [example]
            for row in rows:
                assert set(row) == fields, (route.path, method)
    assert shown >= 20
