"""Lists: pages by key, orderings, filters, tags."""

from __future__ import annotations

import base64
from typing import Any

import django_filters
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.base.api import pagination
from controlplane.base.api.checks import routes
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.lib.ids import uuid7
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.sample_api")]
AGENTS = "/api/v1/agents"


@settled.once
def ws() -> Any:
    return make.workspace()


@settled.once
def api(ws: Any) -> Api:
    return Api(make.key(make.agent(ws, name="a-caller"))[1])


def names(api: Api, path: str) -> list[str]:
    """Every name of every page, following the links."""
    found: list[str] = []
    following: str | None = path
    while following:
        response = api.get(following)
        assert response.status_code == 200, response.content
        page = response.json()
        found += [row["name"] for row in page["items"]]
        following = page["next"]
        assert (following is None) == (page["next_cursor"] is None)
        if following:
            assert response["Link"] == f'<{following}>; rel="next"'
    return found


def test_pages__hold_every_row_once(ws: Any, api: Api) -> None:
    expected = ["a-caller", *(make.agent(ws, name=f"b-{n:02}").name for n in range(7))]
    assert names(api, f"{AGENTS}?sort=name&limit=3") == expected
    assert names(api, f"{AGENTS}?limit=3") == expected[::-1]
    assert names(api, f"{AGENTS}?limit=8") == expected[::-1]


def test_rows_arriving_meanwhile__neither_repeat_nor_hide_others(ws: Any, api: Api) -> None:
    for n in range(4):
        make.agent(ws, name=f"b-{n}")
    first = api.get(f"{AGENTS}?limit=2").json()
    make.agent(ws, name="c-new")
    rest = names(api, first["next"])
    assert [row["name"] for row in first["items"]] + rest == [
        "b-3",
        "b-2",
        "b-1",
        "b-0",
        "a-caller",
    ]


def test_filters_stay_on_the_next_page(ws: Any, api: Api) -> None:
    for n in range(3):
        make.agent(ws, name=f"svc-{n}", role="")
    assert names(api, f"{AGENTS}?kind=service&limit=1") == ["svc-2", "svc-1", "svc-0"]


def test_strangers_rows__are_on_no_page(ws: Any, api: Api) -> None:
    make.agent(make.workspace(), name="theirs")
    assert names(api, AGENTS) == ["a-caller"]


def test_row__has_the_declared_form(ws: Any, api: Api) -> None:
    (row,) = api.get(AGENTS).json()["items"]
    assert set(row) == {"uid", "name", "kind", "role", "created_at", "owner", "shouted"}
    assert (row["name"], row["shouted"], row["owner"]) == ("a-caller", "A-CALLER", None)
    assert row["created_at"].endswith("Z")


def test_list__is_one_statement_however_long(
    ws: Any, api: Api, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        make.agent(ws)
    api.get(AGENTS)
    with django_assert_num_queries(1):
        assert len(api.get(f"{AGENTS}?limit=200").json()["items"]) == 6


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1e9", "limit"),
        ("limit=-1", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=5&limit=6", "limit"),
        ("sort=secret", "sort"),
        ("sort=-name", "sort"),
        ("cursor=abc", "cursor"),
        ("cursor=%F0%9F%92%A9", "cursor"),
        ("nmae=x", "nmae"),
        ("kind=robot", "kind"),
        ("kind=", "kind"),
        ("uid=5", "uid"),
        ("since=yesterday", "since"),
        ("active=1", "active"),
        ("active=TRUE", "active"),
        ("name=a&name=b", "name"),
        ("name=" + "x" * 2_001, "name"),
        ("format=api", "format"),
    ],
)
def test_query__is_understood_or_refused(api: Api, query: str, field: str) -> None:
    assert field in refused(api.get(f"{AGENTS}?{query}"), "INVALID_ARGUMENT")


def test_filters_of_every_list__refuse_what_they_do_not_know() -> None:
    """Stock filters of true and false take any other word for "not asked"."""
    stock = {
        (route.path, name)
        for route in routes()
        for name, each in getattr(
            getattr(route.view, "filterset", None), "base_filters", {}
        ).items()
        if isinstance(each, django_filters.BooleanFilter)
    }
    assert stock == set()


def test_filters__narrow(ws: Any, api: Api) -> None:
    other = make.agent(ws, name="b")
    assert names(api, f"{AGENTS}?name=b") == ["b"]
    assert names(api, f"{AGENTS}?uid={other.uid}") == ["b"]
    assert names(api, f"{AGENTS}?active=true") == ["b", "a-caller"]
    assert names(api, f"{AGENTS}?active=false") == []
    assert names(api, f"{AGENTS}?since=2999-01-01T00:00:00Z") == []


def test_cursor__of_another_ordering_is_refused(ws: Any, api: Api) -> None:
    make.agent(ws)
    cursor = api.get(f"{AGENTS}?limit=1").json()["next_cursor"]
    assert api.get(f"{AGENTS}?limit=1&cursor={cursor}").status_code == 200
    refused(api.get(f"{AGENTS}?limit=1&sort=name&cursor={cursor}"), "INVALID_ARGUMENT")


def test_cursor__changed_by_hand_is_refused(ws: Any, api: Api) -> None:
    make.agent(ws)
    cursor = api.get(f"{AGENTS}?limit=1").json()["next_cursor"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=="))
    raw[-3] ^= 1
    changed = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    refused(api.get(f"{AGENTS}?cursor={changed}"), "INVALID_ARGUMENT")


@given(st.text(max_size=60))
def test_cursor__made_up_is_invalid_and_nothing_else(text: str) -> None:
    with pytest.raises(Invalid):
        pagination.read_cursor(text, "x", 1)


@given(
    st.lists(
        st.integers(-(2**63), 2**63)
        | st.text(max_size=20)
        | st.booleans()
        | st.datetimes(timezones=st.just(clock.now().tzinfo))
        | st.decimals(allow_nan=False, allow_infinity=False, places=2)
        | st.uuids(),
        min_size=1,
        max_size=3,
    )
)
def test_cursor__gives_back_what_it_holds(values: list[Any]) -> None:
    text = pagination.make_cursor(values, "x")
    assert pagination.read_cursor(text, "x", len(values)) == values


def test_cursor__refuses_nulls() -> None:
    with pytest.raises(TypeError):
        pagination.make_cursor([None], "x")


def test_list__may_be_tagged(ws: Any, api: Api) -> None:
    path = f"{AGENTS}-secret"
    tag = api.get(path)["ETag"]
    assert tag.startswith("W/")
    assert api.get(path, **{"If-None-Match": tag}).status_code == 304
    make.agent(ws)
    assert api.get(path, **{"If-None-Match": tag}).status_code == 200


# --- one row ----------------------------------------------------------------------------------


def test_detail__shows_and_tags(ws: Any, api: Api) -> None:
    agent = make.agent(ws, name="b")
    response = api.get(f"{AGENTS}/{agent.uid}")
    assert response.json()["name"] == "b"
    tag = response["ETag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = api.get(f"{AGENTS}/{agent.uid}", **{"If-None-Match": header})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert api.get(f"{AGENTS}/{agent.uid}", **{"If-None-Match": '"x"'}).status_code == 200
    assert "no-cache" in response["Cache-Control"]


def test_detail__of_strangers_and_of_nobody_is_the_same_404(api: Api) -> None:
    theirs = make.agent(make.workspace())
    foreign = refused(api.get(f"{AGENTS}/{theirs.uid}"), "NOT_FOUND")
    assert foreign == refused(api.get(f"{AGENTS}/{uuid7()}"), "NOT_FOUND")


def test_change__only_of_the_version_seen(ws: Any, api: Api) -> None:
    path = f"{AGENTS}/{make.agent(ws, name='b').uid}"
    tag = api.get(path)["ETag"]
    refused(api.send("PATCH", path, {}), "PRECONDITION_REQUIRED")
    refused(api.send("PATCH", path, {}, **{"If-Match": '"x"'}), "PRECONDITION_FAILED")
    refused(api.send("PATCH", path, {}, **{"If-Match": f"W/{tag}"}), "PRECONDITION_FAILED")
    refused(api.send("PATCH", path, {}, **{"If-Match": "not a tag"}), "INVALID_ARGUMENT")
    assert api.send("PATCH", path, {}, **{"If-Match": f'"x", {tag}'}).status_code == 200
    assert api.send("PATCH", path, {}, **{"If-Match": "*"}).status_code == 200


def test_tag_header__cannot_stall_the_parser(api: Api, ws: Any) -> None:
    path = f"{AGENTS}/{make.agent(ws).uid}"
    refused(api.get(path, **{"If-None-Match": '"a",' * 900 + "x"}), "INVALID_ARGUMENT")
