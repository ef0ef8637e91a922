"""The API of inbox, contacts, channels and dead letters, as agents and people call it."""

from __future__ import annotations

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.access.services.keys import issue_key
from controlplane.notify import outbox, services
from controlplane.notify.channels import Outcome
from controlplane.notify.models import Contact
from controlplane.notify.services import To
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def admin(workspace: Workspace) -> Client:
    return make.client(make.person(workspace, "workspace_admin"))


@settled.once
def stranger() -> Client:
    return make.client(make.person(make.workspace(), "workspace_admin"))


def contact(client: Client, **fields: object) -> str:
    body = {"purpose": "security_lead", "name": "Sam", "handle": "@sam"} | fields
    answer = client.post("/api/v1/contacts", body, **JSON)  # type: ignore[arg-type]
    assert answer.status_code == 201, answer.content
    return str(answer.json()["uid"])


def test_contact__made_read_changed_and_removed(admin: Client) -> None:
    uid = contact(admin)
    changed = admin.patch(f"/api/v1/contacts/{uid}", {"coverage": "24/7"}, **JSON)  # type: ignore[arg-type]
    assert changed.json()["coverage"] == "24/7"
    assert admin.get("/api/v1/contacts?purpose=security_lead").json()["items"][0]["uid"] == uid
    assert admin.delete(f"/api/v1/contacts/{uid}").json()["is_active"] is False
    missing = admin.get("/api/v1/contacts/missing").json()["items"]
    assert "security_lead" in {chair["purpose"] for chair in missing}


def test_contact_changed_meanwhile__is_a_failed_precondition(admin: Client) -> None:
    url = f"/api/v1/contacts/{contact(admin)}"
    seen = admin.get(url)["ETag"]
    assert not seen.startswith("W/")
    headers = {"If-Match": seen}
    assert admin.patch(url, {"name": "N"}, headers=headers, **JSON).status_code == 200  # type: ignore[arg-type]
    assert admin.patch(url, {"name": "O"}, headers=headers, **JSON).status_code == 412  # type: ignore[arg-type]
    assert admin.delete(url, headers=headers).status_code == 412
    assert admin.get(url).json()["name"] == "N"


def test_contact_nobody_can_reach__names_the_rule(admin: Client) -> None:
    answer = admin.post("/api/v1/contacts", {"purpose": "x", "name": "Sam"}, **JSON)  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "INVALID_ARGUMENT"


def test_contact_of_another_workspace__does_not_exist(admin: Client, stranger: Client) -> None:
    uid = contact(admin)
    assert stranger.get("/api/v1/contacts").json()["items"] == []
    assert stranger.get(f"/api/v1/contacts/{uid}").status_code == 404
    assert stranger.patch(f"/api/v1/contacts/{uid}", {"name": "Eve"}, **JSON).status_code == 404  # type: ignore[arg-type]
    assert stranger.delete(f"/api/v1/contacts/{uid}").status_code == 404
    assert Contact.objects.get(uid=uid).name == "Sam"


def test_channel__secret_goes_in_and_never_comes_out(admin: Client) -> None:
    secret = "a-signing-secret-of-some-length"
    body = {"name": "H", "kind": "webhook", "target": "https://hooks.example/x", "secret": secret}
    made = admin.post("/api/v1/channels", body, **JSON)  # type: ignore[arg-type]
    assert made.status_code == 201, made.content
    listed = admin.get("/api/v1/channels")
    assert secret not in made.content.decode() + listed.content.decode()


def test_channel_changed_meanwhile__is_a_failed_precondition(admin: Client) -> None:
    made = admin.post(
        "/api/v1/channels",
        {"name": "M", "kind": "email", "target": "a@example.com"},
        **JSON,  # type: ignore[arg-type]
    ).json()
    url = f"/api/v1/channels/{made['uid']}"
    seen = admin.get(url)["ETag"]
    assert admin.patch(url, {"name": "N"}, headers={"If-Match": seen}, **JSON).status_code == 200  # type: ignore[arg-type]
    late = admin.patch(url, {"name": "O"}, headers={"If-Match": seen}, **JSON)  # type: ignore[arg-type]
    assert late.status_code == 412


def test_inbox__own_items_only_read_and_put_away(workspace: Workspace) -> None:
    ana, bob = make.person(workspace, "viewer"), make.person(workspace, "viewer")
    services.notify(
        workspace_id=workspace.pk, kind="test", to=To(users=[ana.pk]), key="1", subject="Hello"
    )
    hers, his = make.client(ana), make.client(bob)
    [item] = hers.get("/api/v1/inbox?unread=true").json()["items"]
    assert his.get("/api/v1/inbox").json()["items"] == []
    body = {"items": [item["uid"]]}
    assert his.post("/api/v1/inbox/read", body, **JSON).json() == {"changed": 0}  # type: ignore[arg-type]
    assert hers.post("/api/v1/inbox/read", body, **JSON).json() == {"changed": 1}  # type: ignore[arg-type]
    assert hers.get("/api/v1/inbox?unread=true").json()["items"] == []
    hers.post("/api/v1/inbox/archive", body, **JSON)  # type: ignore[arg-type]
    assert hers.get("/api/v1/inbox").json()["items"] == []
    assert his.post("/api/v1/inbox/put-back", body, **JSON).json() == {"changed": 0}  # type: ignore[arg-type]
    assert hers.get("/api/v1/inbox").json()["items"] == []
    assert hers.post("/api/v1/inbox/put-back", body, **JSON).json() == {"changed": 1}  # type: ignore[arg-type]
    assert hers.post("/api/v1/inbox/put-back", body, **JSON).json() == {"changed": 0}  # type: ignore[arg-type]
    [back] = hers.get("/api/v1/inbox").json()["items"]
    assert back["uid"] == item["uid"]
    assert back["read_at"] is not None


def test_inbox__is_not_opened_by_a_key_made_for_something_else(workspace: Workspace) -> None:
    ana = make.person(workspace, "viewer")
    services.notify(
        workspace_id=workspace.pk, kind="test", to=To(users=[ana.pk]), key="1", subject="Hello"
    )
    narrow, fitting = (
        Api(
            issue_key(
                ana, actor=make.actor(ana), workspace=workspace, name=scope, scopes=[scope]
            ).secret
        )
        for scope in ("agent.view", "workspace.view")
    )
    refused(narrow.get("/api/v1/inbox"), "FORBIDDEN")
    refused(narrow.post("/api/v1/inbox/read", {"items": []}), "FORBIDDEN")
    refused(narrow.post("/api/v1/inbox/put-back", {"items": []}), "FORBIDDEN")
    silence = {"kind": "*", "method": "email", "wanted": False}
    refused(narrow.send("PUT", "/api/v1/preferences", silence), "FORBIDDEN")
    assert len(fitting.get("/api/v1/inbox").json()["items"]) == 1
    assert fitting.send("PUT", "/api/v1/preferences", silence).status_code == 200


def test_dead_letter__listed_and_replayed(workspace: Workspace, stranger: Client) -> None:
    @outbox.topic("test.api")
    def refuse(message: object) -> Outcome:
        return Outcome("rejected", "gone")

    try:
        outbox.enqueue("test.api", {}, key="k", workspace_id=workspace.pk)
        outbox.send_due()
    finally:
        del outbox.TOPICS["test.api"]
    operator = make.client(make.person(workspace, "primary_operator"))
    [dead] = operator.get("/api/v1/outbox?state=dead").json()["items"]
    url = f"/api/v1/outbox/{dead['uid']}/replay"
    assert stranger.post(url, {}, **JSON).status_code == 404  # type: ignore[arg-type]
    assert operator.post(url, {"reason": "mended"}, **JSON).json()["state"] == "waiting"  # type: ignore[arg-type]
    assert operator.post(url, {}, **JSON).status_code == 409  # type: ignore[arg-type]


def test_deliveries__of_one_notification_with_each_result(workspace: Workspace) -> None:
    operator = make.person(workspace, "primary_operator")
    news = services.notify(
        workspace_id=workspace.pk, kind="test", to=To(users=[operator.pk]), key="1", subject="Hi"
    )
    client = make.client(operator)
    rows = client.get(f"/api/v1/notifications/{news.uid}/deliveries").json()["items"]
    assert {(row["method"], row["state"]) for row in rows} == {
        ("inbox", "sent"),
        ("email", "waiting"),
    }


def test_anonymous__gets_nothing() -> None:
    for url in ("/api/v1/inbox", "/api/v1/contacts", "/api/v1/channels", "/api/v1/outbox"):
        assert Client().get(url).status_code == 401
