"""Evidence through its doors: bytes over HTTP, the console's page, and everybody who may not."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from missions.models import Artifact, Bundle, Mission
from missions.services import evidence
from missions.services.evidence import bundles
from tests import make
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import World, again

NOBODY = "6dcb09b5-b578-4f33-8f61-aebed695e2e4"
GIGABYTE = 10**9


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.locked()


@settled.once
def secret(world: World) -> str:
    agent = make.agent(world.workspace, role="evidence", owner=world.owner)
    _, found = make.key(agent, scopes=["*"])
    return found


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


@pytest.fixture(autouse=True)
def place() -> Iterator[Path]:
    with kit.folder() as found:
        yield found


def call(
    secret: str, method: str, path: str, body: bytes = b"", kind: str = "", **more: Any
) -> Any:
    return Client().generic(
        method,
        f"/api/v1/missions/{path}",
        body,
        content_type=kind or "application/json",
        headers={"Authorization": f"Bearer {secret}"},
        **more,
    )


def upload(secret: str, row: Mission, name: str, body: bytes, kind: str = "", **more: Any) -> Any:
    path = f"{row.ref}/artifacts/upload?name={name}"
    return call(secret, "POST", path, body, kind or "application/octet-stream", **more)


def saved(client: Client, path: str, **given: Any) -> tuple[Any, bytes]:
    """The answer, and all of its bytes."""
    answer: Any = client.get(path, **given)
    assert answer.status_code == 200, path
    return answer, b"".join(answer.streaming_content)


def test_agent__sends_a_file_and_gets_it_back(secret: str, row: Mission) -> None:
    sent = upload(secret, row, "intake.pdf&title=Validation", kit.PDF, "application/pdf")
    assert sent.status_code == 201, sent.content
    kept = sent.json()
    assert (kept["status"], kept["title"], kept["size"]) == ("verified", "Validation", len(kit.PDF))
    assert sent["Location"] == f"/api/v1/missions/{row.ref}/artifacts/{kept['uid']}"
    again_ = upload(secret, row, "intake.pdf", kit.PDF)
    assert (again_.status_code, again_.json()["uid"]) == (201, kept["uid"])
    listed = call(secret, "GET", f"{row.ref}/artifacts?stage=Define").json()["items"]
    assert [each["path"] for each in listed] == [kept["path"]]
    one = call(secret, "GET", f"{row.ref}/artifacts/{kept['uid']}")
    assert one["ETag"]
    key = {"Authorization": f"Bearer {secret}"}
    content, body = saved(Client(), kept["content"], headers=key)
    assert body == kit.PDF
    assert content["Content-Type"] == "application/octet-stream"
    assert content["Content-Disposition"] == 'attachment; filename="intake.pdf"'
    assert content["X-Content-Type-Options"] == "nosniff"
    assert content["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert content["Cache-Control"] == "private, no-store"
    tree = call(secret, "GET", f"{row.ref}/evidence").json()
    assert tree["branches"][0]["folder"] == "docs/readiness/define_intake_validation"
    assert tree["used"] == len(kit.PDF)


def test_gigabyte__refused_by_its_length_alone(secret: str, row: Mission, place: Path) -> None:
    class Never(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("read")

    said: dict[str, Any] = {"CONTENT_LENGTH": str(GIGABYTE), "wsgi.input": Never()}
    answer = upload(secret, row, "big.bin", b"", **said)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "TOO_LARGE"
    assert kit.kept(place) == []


@pytest.mark.parametrize(
    ("name", "body", "kind", "status", "code"),
    [
        ("a.png", kit.PDF, "image/png", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("a.bin", kit.ELF, "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("", b"x", "", 400, "INVALID_ARGUMENT"),
        ("a.txt", b"", "", 400, "INVALID_ARGUMENT"),
        ("%20%0d%0a", b"x", "", 400, "INVALID_ARGUMENT"),
        (f"a.txt&title={'t' * 201}", b"x", "", 400, "INVALID_ARGUMENT"),
    ],
)
def test_upload__of_what_can_not_be_kept__refused(
    secret: str, row: Mission, name: str, body: bytes, kind: str, status: int, code: str
) -> None:
    answer = upload(secret, row, name, body, kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.content
    assert not Artifact.objects.exists()


def test_upload__packed__refused(secret: str, row: Mission) -> None:
    answer = upload(secret, row, "a.txt", b"x", HTTP_CONTENT_ENCODING="gzip")
    assert answer.status_code == 415


def test_regenerate__under_both_addresses__is_one_bundle(
    secret: str, row: Mission, world: World, place: Path
) -> None:
    kit.add(row, "a.txt", b"a", actor=world.actor)
    asked = call(secret, "POST", f"{row.ref}/regenerate-evidence", b'{"reason": "A file more."}')
    assert asked.status_code == 202, asked.content
    assert asked.json()["status"] == "building"
    for slash in ("", "/"):
        other = Client().post(
            f"/admin/missions/{row.ref}/regenerate-evidence{slash}",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert (other.status_code, other.json()["uid"]) == (202, asked.json()["uid"])
    bundles.make_due()
    whole = call(secret, "GET", f"{row.ref}/bundles/1").json()
    assert (whole["status"], whole["manifest"]["mission"]) == ("stored", row.ref)
    _, body = saved(Client(), whole["content"], headers={"Authorization": f"Bearer {secret}"})
    assert body[:2] == b"PK"
    refused = call(secret, "POST", f"{row.ref}/regenerate-evidence", b'{"audience": "external"}')
    assert refused.status_code == 403
    nobody = Client().post(f"/admin/missions/{row.ref}/regenerate-evidence")
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "UNAUTHORIZED")


def test_stranger__sees_no_file_and_sends_none(world: World, row: Mission) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    elsewhere = World()
    _, other = make.key(
        make.agent(elsewhere.workspace, role="evidence", owner=elsewhere.owner), scopes=["*"]
    )
    for method, path in (
        ("GET", f"{row.ref}/artifacts/{kept.uid}"),
        ("GET", f"{row.ref}/artifacts/{kept.uid}/content"),
        ("GET", f"{row.ref}/evidence"),
        ("POST", f"{row.ref}/artifacts/{kept.uid}/check"),
        ("POST", f"{row.ref}/regenerate-evidence"),
        ("POST", f"{row.ref}/artifacts/upload?name=a.txt"),
    ):
        assert call(other, method, path, b"{}").status_code == 404, path
    _, weak = make.key(
        make.agent(world.workspace, role="reviewer", owner=world.owner), scopes=["*"]
    )
    assert upload(weak, row, "a.txt", b"x").status_code == 403


def test_usage__counts_bytes_of_the_workspace(secret: str, row: Mission, world: World) -> None:
    kit.add(row, "a.txt", b"12345", actor=world.actor)
    found = call(secret, "GET", "evidence-usage").json()
    assert (found["used"], found["files"], found["failed_uploads"]) == (5, 1, 0)


# --- The console ----------------------------------------------------------------------------------


def page_of(row: Mission) -> str:
    return reverse("missions:files", args=(row.uid,))


def test_page__files_by_stage_with_their_hashes(owner: Client, world: World, row: Mission) -> None:
    kept = kit.add(row, "a.png", kit.PNG, actor=world.actor, title="<b>Shot</b>")
    text = owner.get(page_of(row)).content.decode()
    assert kept.sha256 in text
    assert "&lt;b&gt;Shot&lt;/b&gt;" in text
    assert "docs/readiness/define_intake_validation/" in text
    assert reverse("missions:file_picture", args=(row.uid, kept.uid)) in text
    assert text.count('class="button primary"') == 1
    mission = owner.get(f"/admin/missions/mission/{row.pk}/change/").content.decode()
    assert page_of(row) in mission


def test_page__takes_files_and_says_what_was_refused(
    owner: Client, row: Mission, place: Path
) -> None:
    good = SimpleUploadedFile("notes.txt", b"Seen.", "text/plain")
    done = owner.post(page_of(row), {"file": good, "title": "Notes"})
    assert (done.status_code, done["Location"]) == (302, f"{page_of(row)}#files")
    assert Artifact.objects.get().title == "Notes"
    lie = SimpleUploadedFile("shot.png", kit.PDF, "image/png")
    refused = owner.post(page_of(row), {"file": [SimpleUploadedFile("b.txt", b"b"), lie]})
    assert refused.status_code == 415
    text = refused.content.decode()
    assert "shot.png: Its name says png, its content application/pdf." in text
    assert "field-wrong" in text
    assert Artifact.objects.count() == 2  # what was whole before it is kept
    assert owner.post(page_of(row), {}).status_code == 400


def test_file__is_saved_and_a_picture_shown(owner: Client, world: World, row: Mission) -> None:
    shot = kit.add(row, "a.png", kit.PNG, actor=world.actor)
    page = kit.add(row, "a.html", b"<script>alert(1)</script>", actor=world.actor)
    for each in (shot, page):
        answer, _ = saved(owner, reverse("missions:file", args=(row.uid, each.uid)))
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["Content-Security-Policy"].startswith("sandbox")
    picture, _ = saved(owner, reverse("missions:file_picture", args=(row.uid, shot.uid)))
    assert (picture["Content-Type"], picture["Content-Security-Policy"]) == (
        "image/png", "sandbox; default-src 'none'",
    )  # fmt: skip
    # What is no picture comes as a download from there too.
    other, _ = saved(owner, reverse("missions:file_picture", args=(row.uid, page.uid)))
    assert other["Content-Disposition"].startswith("attachment")
    shown = owner.get(f"/admin/missions/artifact/{page.pk}/change/").content.decode()
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert owner.get(reverse("missions:file", args=(row.uid, NOBODY))).status_code == 404


def test_buttons__take_away_bring_back_and_read_again(
    owner: Client, world: World, row: Mission, place: Path
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    where = f"/admin/missions/artifact/{kept.pk}/do"
    owner.post(f"{where}/remove/", {"reason": "The wrong file.", "_sure": "1"})
    assert Artifact.objects.get().status == "deleted"
    owner.post(f"{where}/restore/", {})
    assert Artifact.objects.get().status == "verified"
    kit.file_of(place, kept).write_bytes(b"Bent!!\n")
    owner.post(f"{where}/read_back/", {})
    assert Artifact.objects.get().status == "failed"


def test_bundle__made_on_the_page(owner: Client, world: World, row: Mission) -> None:
    done = owner.post(reverse("missions:files_do", args=(row.uid, "bundle")))
    assert done.status_code == 302
    assert "is being made" in owner.get(page_of(row)).content.decode()
    bundles.make_due()
    made = Bundle.objects.get()
    assert made.manifest_hash in owner.get(page_of(row)).content.decode()
    file, _ = saved(owner, reverse("missions:bundle_file", args=(row.uid, made.number)))
    assert file["Content-Disposition"] == (
        f'attachment; filename="{row.ref}-evidence-{made.number}.zip"'
    )
    assert owner.get(f"/admin/missions/bundle/{made.pk}/change/").status_code == 200
    owner.post(reverse("missions:files_do", args=(row.uid, "log")))
    log = Artifact.objects.get()
    assert (log.kind, log.media_type) == ("generated", "application/x-ndjson")
    with evidence.open_artifact(log, actor=world.actor) as file:
        lines = file.read().decode().splitlines()
    assert "Asked for the evidence bundle of the mission" in [
        json.loads(each)["words"] for each in lines
    ]


def test_hold__by_those_of_the_law_only(world: World, row: Mission, owner: Client) -> None:
    law = make.client(make.person(world.workspace, "legal"))
    hold = reverse("missions:files_do", args=(row.uid, "hold"))
    assert owner.post(hold, {"reason": "Mine."}).status_code == 403
    assert law.post(hold, {"reason": ""}).status_code == 400
    assert law.post(hold, {"reason": "Case 11."}).status_code == 302
    assert "A legal hold stands" in owner.get(page_of(row)).content.decode()
    assert again(row).legal_holds.count() == 1


def test_page__for_strangers__is_not_there(world: World, row: Mission) -> None:
    stranger = make.client(make.person(make.workspace(), "mission_owner"))
    kept = kit.add(row, "a.txt", actor=world.actor)
    for path in (page_of(row), reverse("missions:file", args=(row.uid, kept.uid))):
        assert stranger.get(path).status_code == 404
    assert stranger.post(page_of(row), {}).status_code == 404
    reader = make.client(make.person(world.workspace, "viewer"))
    assert "Add to" not in reader.get(page_of(row)).content.decode()
    refused = reader.post(page_of(row), {"file": SimpleUploadedFile("b.txt", b"b")})
    assert refused.status_code == 403
