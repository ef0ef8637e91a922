"""What is drawn without a template stands on the page as a template would have put it there, and a
longer list is no more templates."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import lookup_field
from django.db.models import Model
from django.template import Context, Template
from django.test import Client
from django.utils.safestring import SafeString
from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.access.models import Workspace
from controlplane.console import cells, drawn_cells
from controlplane.console.kit import drawn, people
from tests import make
from tests.kit import settled

KEYS = "/admin/access/apikey/?view=all"
VALUES = (
    st.text(max_size=40)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.datetimes()
    | st.builds(SafeString, st.text(max_size=20))
)


@given(VALUES)
@example("<b>'\"&</b>")
def test_text__is_what_a_template_writes(value: Any) -> None:
    assert drawn.text(value) == Template("{{ v }}").render(Context({"v": value}))


@given(VALUES, st.integers(2, 30))
@example("e\u0301" * 4, 4)
def test_cut__is_what_a_template_cuts(value: Any, length: int) -> None:
    said = Template("{{ v|truncatechars:n }}").render(Context({"v": value, "n": length}))
    assert drawn.text(drawn.cut(value, length)) == said


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def browser(here: Workspace) -> Client:
    return make.client(make.person(here, "workspace_admin"))


def drawn_by(browser: Client, address: str) -> int:
    response = browser.get(address)
    assert response.status_code == 200
    return len(response.templates)


@pytest.mark.django_db
def test_list__longer__is_no_more_templates(browser: Client, here: Workspace) -> None:
    make.key(make.agent(here, name="<b>first</b>"))
    few = drawn_by(browser, KEYS)
    for number in range(12):
        make.key(make.agent(here, name=f"<b>robot {number}</b>"))
    assert drawn_by(browser, KEYS) == few
    page = browser.get(KEYS).content.decode()
    assert "&lt;b&gt;robot 11&lt;/b&gt;" in page
    assert "<b>robot" not in page


@pytest.mark.django_db
def test_list__of_a_stranger__draws_no_row(here: Workspace) -> None:
    make.key(make.agent(here, name="first"))
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert "first" not in stranger.get(KEYS).content.decode()


@pytest.mark.django_db
def test_columns__are_read_as_django_reads_them(here: Workspace) -> None:
    agent = make.agent(here, name="reader")
    rows: list[Model] = [make.key(agent)[0], agent, make.person(here, "viewer"), here]
    for row in rows:
        model_admin = admin.site._registry[type(row)]
        names = {*model_admin.list_display, *(each.name for each in row._meta.concrete_fields)}
        for name in names - {"action_checkbox"}:
            field, _, value = lookup_field(name, row, model_admin)
            assert cells._looked_up(row, name, model_admin) == (field, value), (type(row), name)


@pytest.mark.parametrize(
    ("label", "initials"),
    [("Ada Lovelace", "AL"), ("ada_m.king@x.example", "AK"), ("Émile", "É"), ("…", "?"), ("", "?")],
)
def test_initials__are_of_the_first_and_the_last_word(label: str, initials: str) -> None:
    assert people.Who("person", label).initials == initials


@pytest.mark.django_db
def test_facts__are_words_people_know(here: Workspace) -> None:
    """Whoever a row keeps as a ref is a person, a list of words one line, a day no broken line."""
    ann = make.person(here, "viewer", name="Ann Roe")
    assert cells.kind_of("by", None, f"user:{ann.pk}") == "person"
    agent = make.agent(here, name="reader")
    key = make.key(agent, scopes=["audit.view", "work.view"])[0]
    page = make.client(make.person(here, "workspace_admin")).get(
        f"/admin/access/apikey/{key.uid}/change/"
    )
    assert "audit.view, work.view" in page.content.decode()
    assert cells.kind_of("due_on", None, date(2026, 11, 21)) == "day"
    drawn_day = drawn_cells.cell(cells.Cell("Due", "due_on", "day", date(2026, 11, 21)), UTC)
    assert drawn_day == '<span class="kit-when">2026-11-21</span>'
