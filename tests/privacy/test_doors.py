"""Handing out what is held; the account's page, the console's lists and the API of erasure."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.privacy import services
from controlplane.privacy.models import DeletionRequest
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.privacy import Scene

pytestmark = pytest.mark.django_db
DELETIONS = "/api/v1/privacy/deletions"


@settled.once
def scene() -> Scene:
    return Scene()


def archive(answer: Any) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as found:
        assert found.testzip() is None
        return {name: json.loads(found.read(name)) for name in found.namelist() if "json" in name}


@pytest.mark.parametrize("path", ["/api/v1/users/export", "/api/users/export"])
def test_export__ones_own__every_place_named_no_secret(scene: Scene, path: str) -> None:
    answer = Api(browser=make.client(scene.robin)).get(path)
    assert answer["Content-Type"] == "application/zip"
    files = archive(answer)
    assert files["access.user.json"][0]["email"] == scene.robin.email
    assert files["notify.contacts.json"][0]["phone"] == "+49 30 1234567"
    index = {one["file"]: one for one in files["index.json"]["files"]}
    assert index["audit.events.json"]["kept_when_erased"]
    assert set(index) == set(files) - {"index.json"}
    text = json.dumps(files)
    assert scene.robin.password not in text
    assert scene.admin.email not in text
    assert AuditEvent.objects.filter(action="privacy.export").exists()


def test_export__anybodys_by_the_officer__nobodys_by_others(scene: Scene) -> None:
    who = f"/api/v1/users/export?person={scene.robin.uid}"
    files = archive(Api(browser=make.client(scene.officer)).get(who))
    assert files["access.user.json"][0]["email"] == scene.robin.email
    refused(Api(browser=make.client(scene.admin)).get(who), "FORBIDDEN")
    stranger = make.person(make.workspace(), "privacy_officer")
    refused(Api(browser=make.client(stranger)).get(who), "NOT_FOUND")
    refused(Api(browser=make.client(stranger)).get("/api/v1/users/export?person=x"),
            "INVALID_ARGUMENT")  # fmt: skip
    _, secret = make.key(make.agent(scene.ws, role="executor"), scopes=["*"])
    refused(Api(secret).get("/api/v1/users/export"), "NOT_FOUND")
    refused(Api(secret).get(who), "FORBIDDEN")
    refused(Api().get("/api/v1/users/export"), "UNAUTHORIZED")


def test_my_page__agree_take_with_me_ask_and_withdraw(scene: Scene) -> None:
    services.publish_policy(
        scene.ws, actor=make.actor(scene.officer), text="## Kept\n\nYour **name**."
    )
    browser = make.client(scene.robin)
    page = browser.get(reverse("privacy:mine")).content.decode()
    assert "<strong>name</strong>" in page
    assert "I agree" in page
    policy = page.split("/access/account/privacy/")[1:]
    uid = next(part[:36] for part in policy if part[36:37] == "/")
    browser.post(reverse("privacy:answer", args=[uid]), {"answer": "agree"})
    assert "Take my consent back" in browser.get(reverse("privacy:mine")).content.decode()
    taken = browser.post(reverse("privacy:export"))
    assert archive(taken)["access.user.json"][0]["name"] == "Robin Gone"
    browser.post(reverse("privacy:ask"), {"reason": "I leave\x00"})
    assert not DeletionRequest.objects.exists()
    browser.post(reverse("privacy:ask"), {"reason": "I leave"})
    row = DeletionRequest.objects.get()
    assert (row.person, row.workspace, row.reason) == (scene.robin, scene.ws, "I leave")
    assert "Withdraw it" in browser.get(reverse("privacy:mine")).content.decode()
    browser.post(reverse("privacy:withdraw"))
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert make.client(scene.admin).post(reverse("privacy:withdraw")).status_code == 404


def test_console__officer_sees_what_goes_holds_releases_erases(scene: Scene) -> None:
    row = scene.ask()
    browser = make.client(scene.officer)
    where = reverse("admin:privacy_deletionrequest_change", args=[row.uid])
    page = browser.get(where).content.decode()
    assert "how one is reached" in page
    assert "helper" in page
    listed = browser.get(
        reverse("admin:privacy_deletionrequest_changelist") + "?standing=open"
    ).content.decode()
    assert "Robin Gone" in listed
    assert make.client(scene.robin).get(where).status_code == 403


def test_api__ask_hold_release_erase_and_bad_input(scene: Scene) -> None:
    officer = Api(browser=make.client(scene.officer))
    robin = Api(browser=make.client(scene.robin))
    made = robin.post(DELETIONS, {"reason": "I leave"})
    assert made.status_code == 201
    one = f"{DELETIONS}/{made.json()['uid']}"
    refused(robin.post(DELETIONS, {}), "CONFLICT")
    refused(robin.get(one), "FORBIDDEN")
    assert officer.get(one).json()["status"] == "waiting"
    refused(officer.post(f"{one}/hold", {}), "INVALID_ARGUMENT")
    refused(officer.post(f"{one}/hold", {"reason": "x", "until": "2020-01-01T00:00:00Z"}),
            "INVALID_ARGUMENT")  # fmt: skip
    assert officer.post(f"{one}/hold", {"reason": "law"}).json()["status"] == "held"
    refused(officer.post(f"{one}/erase", {}), "INVALID_TRANSITION")
    assert officer.post(f"{one}/release", {}).json()["status"] == "waiting"
    done = officer.post(f"{one}/erase", {"reason": "asked in person"}).json()
    assert done["status"] == "done"
    assert {line["slug"] for line in done["report"]} >= {"access.user", "notify.contacts"}
    stranger = Api(browser=make.client(make.person(make.workspace(), "privacy_officer")))
    refused(stranger.get(one), "NOT_FOUND")
    refused(stranger.post(f"{one}/erase", {}), "NOT_FOUND")
    refused(officer.post(DELETIONS, {"person": str(scene.ws.uid)}), "INVALID_ARGUMENT")


def test_copies__reported_and_vouched_for(scene: Scene) -> None:
    _, secret = make.key(make.agent(scene.ws, role=""), scopes=["privacy.copy"])
    sent = {
        "system": "billing", "target": "staging", "taken_at": "2026-01-02T03:04:05Z",
        "rules": "names replaced by numbers", "sha256": "A" * 64,
    }  # fmt: skip
    made = Api(secret).post("/api/v1/privacy/copies", sent)
    assert made.status_code == 201
    assert made.json()["sanitised_by"].startswith("agent:")
    late = {**sent, "taken_at": "2999-01-01T00:00:00Z"}
    refused(Api(secret).post("/api/v1/privacy/copies", late), "INVALID_ARGUMENT")
    officer = Api(browser=make.client(scene.officer))
    assert officer.get("/api/v1/privacy/copies").json()["items"][0]["system"] == "billing"
    stranger = Api(browser=make.client(make.person(make.workspace(), "privacy_officer")))
    assert stranger.get("/api/v1/privacy/copies").json()["items"] == []
