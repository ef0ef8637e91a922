"""What is drawn without a template stands on the page as a template would have put it there, and a
longer list is no more templates."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils.safestring import SafeString
from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.access.models import Workspace
from controlplane.console.kit import drawn
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
