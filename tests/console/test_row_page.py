"""A row's page: how it stands, what may be done, what others put on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.base import row_slots, signals
from controlplane.base.models import Signal
from controlplane.catalog import services
from controlplane.catalog.models import Integration
from controlplane.console.kit import people
from controlplane.lib import clock, context
from tests import make
from tests.console.conftest import ON_ONE_WORKER
from tests.kit import catalog

pytestmark = pytest.mark.django_db
_STATE = re.compile(r'kit-state-text">([^<]+)<')


@pytest.fixture
def here() -> Any:
    return make.workspace()


@pytest.fixture
def operator(here: Any) -> Client:
    return make.client(make.person(here, "workspace_admin", name="Olga Lind"))


@pytest.fixture
def broken(here: Any) -> Integration:
    return catalog.broken(here)


def url_of(row: Any, query: str = "") -> str:
    meta = row._meta
    key = getattr(row, "uid", row.pk)
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=(key,)) + query


def head_of(text: str) -> str:
    found = re.search(r'<div class="head-what">.*?</div>', text, re.DOTALL)
    assert found
    return found[0]


def buttons_of(text: str) -> list[tuple[str, bool]]:
    """The words of the buttons in order, and whether each may be pressed."""
    listed = re.search(r'<ul class="buttons portal-buttons".*?</ul>', text, re.DOTALL)
    assert listed
    found = re.findall(
        r'<(?:a|button)[^>]*class="button[^>]*>.*?</(?:a|button)>', listed[0], re.DOTALL
    )
    words = (re.sub(r"<svg.*?</svg>|<kbd.*?</kbd>|<[^>]*>", "", line, flags=re.S) for line in found)
    return [(w.strip(), " disabled" not in line) for w, line in zip(words, found, strict=True)]


# --- Head ---------------------------------------------------------------------------------------


@pytest.mark.slow
@ON_ONE_WORKER
def test_every_page__says_its_state_once(every_page: dict[str, str]) -> None:
    stated = 0
    for url, text in every_page.items():
        if not url.endswith("/change/"):
            continue
        states = _STATE.findall(head_of(text))
        assert len(states) <= 1, url
        beside = text.partition('<aside class="split-side"')[2]
        titles = "".join(re.findall(r'<header class="card-head">.*?</header>', text, re.DOTALL))
        for state in states:
            stated += 1
            assert state not in _STATE.findall(beside + titles), url
    assert stated > 20


def test_head__state_and_since_when(operator: Client, broken: Integration) -> None:
    head = head_of(operator.get(url_of(broken)).content.decode())
    assert _STATE.findall(head) == ["Open"]
    assert "Opened" in head


def test_head__alone__304_until_it_stands_otherwise(operator: Client, broken: Integration) -> None:
    url = url_of(broken, "?_part=head")
    first = operator.get(url)
    assert b"<html" not in first.content
    assert b'id="timeline"' not in first.content
    known = {"If-None-Match": first["ETag"]}
    assert operator.get(url, headers=known).status_code == 304
    services.half_open(broken, actor=make.JOB)
    second = operator.get(url, headers=known)
    assert second.status_code == 200
    assert _STATE.findall(second.content.decode()) == ["Half open"]


def test_head__of_another_workspace__not_there(broken: Integration) -> None:
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert stranger.get(url_of(broken, "?_part=head")).status_code == 404


# --- Buttons ------------------------------------------------------------------------------------


def test_buttons__next_step_then_others_then_refused(operator: Client, here: Any) -> None:
    text = operator.get(url_of(catalog.integration(here))).content.decode()
    shown = buttons_of(text)
    allowed = [may for _, may in shown]
    assert allowed == sorted(allowed, reverse=True)
    assert ("Edit", True) in shown
    assert ("Close the breaker", False) in shown
    assert "The breaker is closed." in text


def test_buttons__key_of_the_next_step_beside_its_words(
    operator: Client, broken: Integration
) -> None:
    text = operator.get(url_of(broken)).content.decode()
    assert buttons_of(text)[0] == ("Let one try", True)
    assert re.search(r"data-next>Let one try <kbd[^>]*>e</kbd>", text)
    assert text.count("data-next") == 1


def test_buttons__of_a_viewer__visible_refused_one_sentence_for_all(
    here: Any, broken: Integration
) -> None:
    viewer = make.client(make.person(here, "viewer"))
    text = viewer.get(url_of(broken)).content.decode()
    assert ("Edit", False) in buttons_of(text)
    assert not any(may for _, may in buttons_of(text))
    reasons = re.findall(r'<small id="(refusal-\d+)" class="refusal">([^<]+)<', text)
    assert len({reason for _, reason in reasons}) == len(reasons)
    assert set(re.findall(r'aria-describedby="(refusal-\d+)"', text)) == {key for key, _ in reasons}


# --- Slots --------------------------------------------------------------------------------------


@pytest.fixture
def register() -> Iterator[Callable[[Any, Any], None]]:
    added: list[tuple[Any, Any]] = []

    def add(registry: Any, entry: Any) -> None:
        registry.register(entry)
        added.append((registry, entry))

    yield add
    for registry, entry in added:
        del registry._entries[entry.slug]


def door(box: row_slots.CommentBox | None, said: Any = None) -> row_slots.CommentDoor:
    return row_slots.CommentDoor(
        "tests.door", lambda actor, obj: box, None if said is None else lambda *asked: said
    )


def test_slots__nobody_registered__nothing_drawn(operator: Client, broken: Integration) -> None:
    text = operator.get(url_of(broken)).content.decode()
    assert "comment-box" not in text
    assert "Related work items" not in text


def test_comment_box__posts_where_the_door_says(
    operator: Client, broken: Integration, register: Any
) -> None:
    register(row_slots.comment_doors, door(row_slots.CommentBox("/admin/inbox/", label="Say it")))
    text = operator.get(url_of(broken)).content.decode()
    form = re.search(r'<form method="post" action="/admin/inbox/" class="comment-box">.*?</form>',
                     text, re.DOTALL)  # fmt: skip
    assert form
    assert "csrfmiddlewaretoken" in form[0]
    assert f'name="next" value="{url_of(broken)}"' in form[0]
    assert 'name="body"' in form[0]
    assert text.index("comment-box") < text.index("kit-timeline")


@pytest.mark.parametrize("url", ["//evil.example/", "https://evil.example/", "javascript:x", ""])
def test_comment_box__leading_elsewhere__not_drawn(
    operator: Client, broken: Integration, register: Any, url: str
) -> None:
    register(row_slots.comment_doors, door(row_slots.CommentBox(url)))
    assert "comment-box" not in operator.get(url_of(broken)).content.decode()


def test_comment_box__refused__says_why(
    operator: Client, broken: Integration, register: Any
) -> None:
    box = row_slots.CommentBox("/admin/inbox/", refusal="It is archived & closed.")
    register(row_slots.comment_doors, door(box))
    text = operator.get(url_of(broken)).content.decode()
    assert "comment-box" not in text
    assert "It is archived &amp; closed." in text


def test_comments__stand_in_the_timeline_by_time(
    operator: Client, broken: Integration, register: Any
) -> None:
    said = [{"at": clock.now(), "who": "Ana Ruiz", "body": "Called **them**. <script>x</script>"}]
    register(row_slots.comment_doors, door(row_slots.CommentBox("/admin/inbox/"), said))
    text = operator.get(url_of(broken)).content.decode()
    assert "Called <strong>them</strong>." in text
    assert "<script>x" not in text
    assert text.index("Called <strong>") < text.index("opened the breaker")


def test_cards__rows_refs_and_states(operator: Client, broken: Integration, register: Any) -> None:
    rows = [
        row_slots.RelatedRow("Mend it", "/admin/", "WRK-7", "blocked", "blocks this"),
        row_slots.RelatedRow("<b>", "javascript:alert(1)"),
    ]
    register(row_slots.related_work, row_slots.RowSource("tests.a", lambda actor, obj: rows))
    register(row_slots.links, row_slots.RowSource("tests.b", lambda actor, obj: []))
    text = operator.get(url_of(broken)).content.decode()
    card = text.partition('id="card-related"')[2]
    for words in ("WRK-7", '<a href="/admin/">Mend it</a>', "Blocked", "blocks this", "&lt;b&gt;"):
        assert words in card, words
    assert "javascript:" not in card
    assert "None yet." in text.partition('id="card-links"')[2]


def test_source__that_fails_or_knows_nothing__leaves_the_page(
    operator: Client, broken: Integration, register: Any
) -> None:
    def fail(actor: Any, obj: Any) -> Any:
        raise RuntimeError("not today")

    register(row_slots.related_work, row_slots.RowSource("tests.a", fail))
    register(row_slots.links, row_slots.RowSource("tests.b", lambda actor, obj: None))
    register(row_slots.comment_doors, row_slots.CommentDoor("tests.c", fail))
    answer = operator.get(url_of(broken))
    assert answer.status_code == 200
    assert b"card-links" not in answer.content


def test_source__is_asked_as_the_reader(
    operator: Client, broken: Integration, register: Any
) -> None:
    asked: list[Any] = []
    register(
        row_slots.related_work, row_slots.RowSource("tests.a", lambda *given: asked.append(given))
    )
    operator.get(url_of(broken))
    [(actor, obj)] = asked
    assert (actor.kind, obj) == ("person", broken)


# --- Words --------------------------------------------------------------------------------------


def test_timeline__names_people_and_says_what_they_did(
    operator: Client, broken: Integration
) -> None:
    press = url_of(broken).replace("/change/", "/do/close/")
    operator.post(press, {"reason": "they mended it"})
    text = operator.get(url_of(broken)).content.decode()
    timeline = text.partition('id="timeline"')[2]
    assert "Olga Lind" in timeline
    assert "closed the breaker" in timeline
    assert "they mended it" in timeline
    assert "console" in timeline
    assert "catalog.trip" not in timeline
    assert str(broken) not in timeline.partition("</section>")[0]


def test_person__one_colour_and_name_wherever_from(here: Any) -> None:
    user = make.person(here, "viewer", name="Vera Wood")
    actor = make.actor(user)
    event = AuditEvent(actor_kind="person", actor_ref=actor.ref, actor_label=user.email)
    with context.bind(request_id=context.new_id()):
        seen = [people.who(value) for value in (user, actor, event, str(actor))]
    assert [(who.label, who.hue, who.kind) for who in seen if who] == [
        ("Vera Wood", seen[0].hue if seen[0] else 0, "person")
    ] * 4


def test_person__gone__by_the_address_the_row_kept() -> None:
    with context.bind(request_id=context.new_id()):
        gone = people.who("user:999999999 ana@example.org")
        bare = people.who("job:cleanup")
    assert gone is not None
    assert bare is not None
    assert (gone.label, bare.label, bare.kind) == ("ana@example.org", "cleanup", "job")


def test_title__is_words_and_no_keys(here: Any, operator: Client) -> None:
    signals.emit("tests.kind", key="01a1ff37-4a8c-7a10", workspace_id=here.pk)
    row = Signal.objects.get()
    text = operator.get(url_of(row)).content.decode()
    assert "<h1>tests.kind</h1>" in text
    assert "01a1ff37-4a8c-7a10" in text.partition("For tracing")[2]


def test_audit_list__only_refusals_are_marked(here: Any) -> None:
    reader = make.client(make.person(here, "security_lead"))
    reader.get("/admin/notify/channel/add/")
    rows = reader.get("/admin/audit/auditevent/?view=all").content.decode()
    assert "Denied" in _STATE.findall(rows)
    assert "Done" not in _STATE.findall(rows)
    assert "Done" in rows


def test_timeline__of_what_nobody_changes__is_left_away(
    here: Any, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals.emit("tests.kind", key="a key", workspace_id=here.pk)
    signal = Signal.objects.get()
    assert 'id="timeline"' in operator.get(url_of(signal)).content.decode()
    monkeypatch.setattr(admin.site.get_model_admin(Signal), "audited", False)
    assert 'id="timeline"' not in operator.get(url_of(signal)).content.decode()
