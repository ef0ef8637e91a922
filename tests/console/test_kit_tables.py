"""Tables, timelines and people: what a reader, a screen reader and a phone get of plain rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.kit import people, tables, timelines, tones
from controlplane.console.kit.clocks import zone_of
from controlplane.console.kit.tables import Column
from controlplane.lib.actors import Actor, job
from tests.console.kit_pages import anything, page_of

NOW = datetime(2026, 11, 21, 14, 9, 33, tzinfo=UTC)
ANA = Actor(kind="person", ref="user:1", label="Ana Ruiz")
SCOUT = Actor(kind="agent", ref="agent:7", label="scout")


# --- Tables -------------------------------------------------------------------------------------

COLUMNS = [
    Column("severity", "Severity", "severity"),
    Column("title", "Incident"),
    Column("users", "Affected", "number", unit="users", narrow=False),
]
ROWS = [{"severity": "SEV-1", "title": "Down", "users": 12_480, "_url": "/admin/go/INC-1"}]


def test_table__has_caption_and_scopes() -> None:
    page = page_of("{% table columns rows 'Open' %}", columns=COLUMNS, rows=ROWS)
    assert [tag.attributes["scope"] for tag in page.named("th")] == ["col", "col", "col", "row"]
    assert page.named("caption")
    assert page.having("kit-table-frame")[0].attributes["tabindex"] == "0"


def test_table__the_cell_that_names_the_row_leads_on() -> None:
    page = page_of("{% table columns rows 'Open' %}", columns=COLUMNS, rows=ROWS)
    [link] = page.named("a")
    assert link.attributes["href"] == "/admin/go/INC-1"
    assert page.named("th")[3].attributes["data-label"] == "Incident"


def test_table__numbers_stand_right_with_their_unit_on_a_phone() -> None:
    page = page_of("{% table columns rows 'Open' %}", columns=COLUMNS, rows=ROWS)
    cell = page.named("td")[-1].attributes
    assert cell["data-label"] == "Affected, users"
    assert {"kit-right", "kit-wide"} <= set(cell["class"].split())


def test_table__without_rows_teaches() -> None:
    page = page_of("{% table c r 'x' empty='No keys.' hint='Make one.' %}", c=COLUMNS, r=[])
    assert not page.named("table")
    assert "No keys." in page.text
    assert "Make one." in page.text


def test_table__is_bounded() -> None:
    built = tables.build(["n"], ({"n": n} for n in range(10**9)))
    assert (len(built.rows), built.cut) == (tables.MOST_ROWS, True)


def test_table__unknown_kind_is_a_bug() -> None:
    with pytest.raises(ValueError, match="kind"):
        tables.build([("a", "A", "sparkles")], [])


@pytest.mark.parametrize("kind", sorted(tables.KINDS))
@given(value=anything)
def test_cell__of_any_kind_shows_any_value(kind: str, value: object) -> None:
    page_of("{% table c r 'x' %}", c=[("k", "K", kind), ("j", "J", kind)], r=[{"k": value}])


# --- Timelines ----------------------------------------------------------------------------------


@pytest.fixture
def now() -> Iterator[datetime]:
    with time_machine.travel(NOW, tick=False):
        yield NOW


def entry(minutes: int, who: object = ANA, **fields: object) -> dict[str, object]:
    return {"at": NOW - timedelta(minutes=minutes), "who": who, "what": "did", **fields}


def test_timeline__groups_neighbours_of_one_request() -> None:
    groups, _ = timelines.build(
        [
            entry(1, request_id="a"),
            entry(1, request_id="a"),
            entry(2, SCOUT, request_id="a"),
            entry(3, request_id=""),
            entry(4, request_id=""),
        ]
    )
    assert [len(group.lines) for group in groups] == [2, 1, 1, 1]


def test_timeline__the_same_refusal_again__one_line_with_a_count() -> None:
    refused = {"what": "was refused: open it", "why": "no role", "tone": "warn", "about": "a.b:*"}
    entries = [entry(n, request_id=f"r{n}", **refused) for n in range(35)]
    other = entry(40, **(refused | {"why": "another reason"}))
    somebody = entry(41, SCOUT, **refused)
    groups, _ = timelines.build([*entries, other, somebody])
    assert [group.times for group in groups] == [35, 1, 1]
    page = page_of("{% timeline e %}", e=entries)
    assert "35 times" in page.text
    assert len(page.having("kit-timeline-group")) == 1


def test_timeline__what_went_well_or_changed_something__is_never_folded() -> None:
    changed = entry(1, tone="warn", before={"a": 1}, after={"a": 2})
    groups, _ = timelines.build([entry(1), entry(1), changed, changed])
    assert [group.times for group in groups] == [1, 1, 1, 1]


def test_timeline__comments_stand_alone_and_are_loud() -> None:
    groups, _ = timelines.build(
        [entry(1, request_id="a"), entry(1, request_id="a", body="hello"), entry(2, job("seal"))]
    )
    assert [group.is_comment for group in groups] == [False, True, False]
    assert [group.quiet for group in groups] == [False, False, True]


def test_timeline__what_a_job_failed_at_is_not_quiet() -> None:
    [group], _ = timelines.build([entry(1, job("seal"), tone="bad")])
    assert not group.quiet


def test_timeline__days_are_the_readers(now: datetime) -> None:
    entries = [{"at": "2026-11-21T00:30:00Z"}, {"at": "2026-11-20T11:30:00Z"}, {"at": None}]
    groups, _ = timelines.build(entries)
    assert [group.day for group in groups] == ["Today", "Yesterday", ""]
    groups, _ = timelines.build(entries, zone_of("America/New_York"))
    assert [group.day for group in groups] == ["Yesterday", "", ""]


def test_timeline__reads_audit_rows() -> None:
    event = SimpleNamespace(
        at=NOW,
        actor_kind="agent",
        actor_ref="agent:7",
        actor_label="scout",
        action="incident.acknowledge",
        subject_ref="incidents.incident:3",
        subject_label="INC-3",
        outcome="denied",
        reason="no role",
        source="api",
        request_id="r1",
        before={"status": "detected"},
        after=None,
    )
    page = page_of("{% timeline events %}", events=[event])
    assert "was not allowed to acknowledge the incident INC-3" in page.text
    assert "no role" in page.text
    assert "API" in page.text
    assert page.having("kit-tone-warn")
    assert page.having("kit-badge")
    assert page.named("details")


def test_timeline__is_bounded() -> None:
    groups, cut = timelines.build(entry(n) for n in range(10**9))
    assert (len(groups), cut) == (timelines.MOST_ENTRIES, True)


def test_timeline__empty_teaches() -> None:
    assert "Nothing has happened yet." in page_of("{% timeline e %}", e=[]).text


# --- People and states --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "label"),
    [
        (ANA, "person", "Ana Ruiz"),
        (SCOUT, "agent", "scout"),
        (job("seal"), "job", "seal"),
        ("Ana", "person", "Ana"),
        ({"kind": "service", "name": "billing"}, "service", "billing"),
        (SimpleNamespace(email="a@b.example", name=""), "person", "a@b.example"),
        (SimpleNamespace(email="a@b.example", name="Ana"), "person", "Ana"),
        (SimpleNamespace(kind="agent", name="scout"), "agent", "scout"),
        (SimpleNamespace(actor_kind="job", actor_label="x", actor_ref="job:x"), "job", "x"),
    ],
)
def test_person__reads_whoever_acts(value: object, kind: str, label: str) -> None:
    who = people.who(value)
    assert who is not None
    assert (who.kind, who.label) == (kind, label)


@pytest.mark.parametrize("value", [None, ""])
def test_person__nobody_says_so(value: object) -> None:
    assert page_of("{% person v empty='unclaimed' %}", v=value).text == "unclaimed"


def test_person__agents_carry_their_badge_and_people_none() -> None:
    assert page_of("{% person v %}", v=SCOUT).having("kit-badge")
    assert not page_of("{% person v %}", v=ANA).having("kit-badge")


@given(st.text())
def test_person__has_initials_and_a_lasting_hue(name: str) -> None:
    who = people.Who("person", name)
    assert 1 <= who.hue <= people.HUES
    assert who.initials
    assert who.hue == people.Who("person", name).hue


def test_state__reads_an_object_with_a_status() -> None:
    row = SimpleNamespace(status="review_pending")
    assert page_of("{% state row %}", row=row).text == "Review pending"
    row = SimpleNamespace(status="failed", get_status_display=lambda: "Did not work")
    page = page_of("{% state row %}", row=row)
    assert page.text == "Did not work"
    assert page.having("kit-tone-bad")


@pytest.mark.parametrize(
    ("word", "tone"),
    [
        ("Approved", "good"),
        ("rolled-back", "neutral"),
        ("overdue", "bad"),
        ("whatever", "neutral"),
    ],
)
def test_state__tone_follows_the_word(word: str, tone: str) -> None:
    assert tones.state_tone(word) == tone


def test_states__have_one_tone_each() -> None:
    words = [word for states in tones._STATES.values() for word in states.split()]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("value", "level"),
    [("SEV-1", 1), ("sev2", 2), (3, 3), ("P0", 1), ("critical", 1), (9, 4), (None, 4), ("?", 4)],
)
def test_severity__fills_by_level(value: object, level: int) -> None:
    assert page_of("{% severity v %}", v=value).having(f"kit-severity-{level}")


def test_severity__a_warning_has_not_the_fill_of_a_remark() -> None:
    text = Path(tables.__file__).parents[1].joinpath("static/console/kit.css").read_text()
    fills = [
        re.findall(rf"\.kit-severity-{n} \{{ background: var\((.+?)\)", text) for n in (1, 2, 3, 4)
    ]
    assert fills == [["--bad-fill"], ["--warn"], ["--warn-soft"], ["--sunken"]]
