"""The timeline: one order over rows that are there already, words with logs and files, said better
without losing what was said first, and taken along."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work.models import Comment, ItemLink
from deployments.flags import services as flags
from incidents import links
from incidents.models import Alert, Correction, Incident
from incidents.records import joining, moving
from incidents.response import acting, saying, timeline, updates
from tests import make
from tests.kit import alerts, catalog
from tests.kit.deployments import deliver
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@pytest.fixture
def row(room: Watchroom) -> Incident:
    return room.quiet("sev2", title="Tool calls fail")


def say(room: Watchroom, row: Incident, words: str = "", **given: Any) -> Comment:
    person = given.pop("by", room.primary)
    return saying.say(row, words, actor=room.by(person), **given)


def told(room: Watchroom, row: Incident, *kinds: str, by: Any = None) -> list[str]:
    found = timeline.lines(row, room.by(by or room.admin), kinds=kinds)
    return [f"{line.kind}: {line.what}" for line in found]


def test_view__tells_everything_in_one_order(room: Watchroom, row: Incident) -> None:
    moving.acknowledge(row, actor=room.by(room.primary))
    source = alerts.source(room.workspace).source
    alerts.tell(source, alerts.incoming("Quiet", severity="info"))
    joining.join(row, list(Alert.objects.values_list("pk", flat=True)), clock.now())
    flags.create_flag(room.workspace, "elsewhere", actor=room.by(room.lead))
    catalog.broken(room.workspace, slug="mail", name="Mail")  # its breaker opens by itself
    acting.act(row, "flag_off", "elsewhere", actor=room.by(room.primary), reason="Now.")
    say(room, row, "The pool is full.")
    updates.post_update(row, actor=room.by(room.primary), text="We look at it.")
    deliver()
    whole = "\n".join(told(room, row))
    for words in (
        "acknowledged", "said: The pool is full.", "alert: Fires: Quiet", "elsewhere", "Mail",
        "act: switched a flag off for the incident: elsewhere is off everywhere.",
        "update: said how the incident goes on",
    ):  # fmt: skip
        assert words.lower() in whole.lower(), words
    said = told(room, row, "said")
    assert "said: The pool is full." in said
    assert not [line for line in said if "is on it" in line]  # that is a step
    assert len([line for line in told(room, row, "change") if "Mail" in line]) >= 1
    times = [line.at for line in timeline.lines(row, room.by(room.admin))]
    assert times == sorted(times, reverse=True)


def test_view__what_changed_before_and_after_is_not_part_of_it(room: Watchroom) -> None:
    flag = flags.create_flag(room.workspace, "early", actor=room.by(room.lead))
    flags.kill(flag, actor=room.by(room.lead))
    row = room.quiet("sev4")
    moving.cancel(row, actor=room.by(room.primary), reason="Nothing.")
    row.refresh_from_db()
    late = flags.create_flag(room.workspace, "late", actor=room.by(room.lead))
    flags.kill(late, actor=room.by(room.lead))
    assert told(room, row, "change") == []


def test_said__logs_lose_their_secrets_and_long_ones_become_files(
    room: Watchroom, row: Incident
) -> None:
    made = say(room, row, "Look.", log="$ env\npassword=hunter2hunter2")
    assert "hunter2" not in made.text
    assert "```" in made.text
    long = say(room, row, log="a line\n" * 2_000)
    assert "Attached: " in long.text
    sent = [saying.Sent("pool.png", PICTURE)]
    assert "pool.png" in say(room, row, files=sent).text
    assert ItemLink.objects.filter(item=row.item_id).count() == 2
    assert "file: pool.png" in told(room, row, "file")
    for words, given in (("", {}), ("x", {"files": sent * 9})):
        with pytest.raises(Invalid):
            say(room, row, words, **given)


def test_tree__is_kept_as_it_stood(room: Watchroom, row: Incident) -> None:
    kept = saying.keep_tree(row, actor=room.by(room.primary))
    with kept.file.open() as file:
        content = file.read().decode()
    assert row.ref in content
    assert "It waits for:" in content
    assert kept.sha256


def test_better__keeps_what_was_said_first(room: Watchroom, row: Incident) -> None:
    made = say(room, row, "It is the pool.")
    saying.correct(row, made, "It is the queue.", actor=room.by(room.primary))
    saying.correct(row, made, "It was the queue.", actor=room.by(room.primary))
    [line] = [each for each in timeline.lines(row, room.by(room.admin), kinds=["said"]) if each.pk]
    assert (line.what, line.before) == (
        "It was the queue.", ["It is the pool.", "It is the queue."],
    )  # fmt: skip
    made.refresh_from_db()
    assert made.text == "It is the pool."
    with pytest.raises(Conflict):
        saying.correct(row, made, "It was the queue.", actor=room.by(room.primary))
    with pytest.raises(NotAllowed):
        saying.correct(row, made, "No.", actor=room.by(room.secondary))
    elsewhere = say(room, room.quiet(), "Elsewhere.")
    with pytest.raises(Invalid):
        saying.correct(row, elsewhere, "No.", actor=room.by(room.primary))
    with pytest.raises(IntegrityError), transaction.atomic():
        Correction.objects.update(text="Gone.")


def test_page__filters_says_corrects_and_exports(room: Watchroom, row: Incident) -> None:
    browser = make.client(room.primary)
    url = reverse("burning:timeline", args=(row.uid,))
    picture = SimpleUploadedFile("pool.png", PICTURE, content_type="image/png")
    answer = browser.post(url, {"text": "The **pool** is full.", "log": "", "files": [picture]})
    assert answer.status_code == 302, answer.content[-2000:]
    assert browser.post(url, {"text": "", "log": ""}).status_code == 400
    page = browser.get(url).content.decode()
    assert "<strong>pool</strong>" in page
    assert "pool.png" in page
    assert "<strong>pool</strong>" not in browser.get(f"{url}?kind=file").content.decode()
    said = Comment.objects.get(item=row.item_id, text__contains="pool")
    better = reverse("burning:better", args=(row.uid, said.pk))
    assert browser.post(better, {"text": "The queue is full."}).status_code == 302
    assert browser.post(better, {"text": ""}).status_code == 400
    assert browser.post(reverse("burning:tree", args=(row.uid,))).status_code == 302
    text = browser.get(reverse("burning:export", args=(row.uid, "md"))).content.decode()
    assert text.startswith(f"# {row.ref} Tool calls fail")
    assert "The queue is full." in text
    found = json.loads(browser.get(reverse("burning:export", args=(row.uid, "json"))).content)
    assert found["lines"][0]["kind"] == "step"
    assert browser.get(reverse("burning:export", args=(row.uid, "exe"))).status_code == 404
    whole = browser.get(links.page_of(row), follow=True).content.decode()
    assert "The queue is full." in whole
    assert url in whole
    stranger = make.client(make.person(make.workspace(), "engineering_lead"))
    for name, args in (("timeline", ()), ("export", ("md",)), ("tree", ()), ("better", (1,))):
        at = reverse(f"burning:{name}", args=(row.uid, *args))
        answer = stranger.get(at) if name in {"timeline", "export"} else stranger.post(at)
        assert answer.status_code == 404, name


def test_api__reads_says_and_keeps_the_tree(room: Watchroom, row: Incident) -> None:
    caller = Caller(room.primary)
    one = f"/api/v1/incidents/{row.ref}"
    made = caller.post(f"{one}/timeline", {"text": "Look.", "log": "token=abcdefgh12345678"})
    assert "abcdefgh12345678" not in made["text"]
    items = caller.get(f"{one}/timeline", kind="said")["items"]
    assert [each["pk"] for each in items] == [made["pk"]]
    assert caller.post(f"{one}/tree")["sha256"]
    assert caller.refused("POST", f"{one}/timeline", {"text": ""}).status_code == 400
    stranger = Caller(make.person(make.workspace(), "engineering_lead"))
    assert stranger.refused("GET", f"{one}/timeline").status_code == 404
    assert stranger.refused("POST", f"{one}/timeline", {"text": "x"}).status_code == 404
