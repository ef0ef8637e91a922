"""What a context says: every type has one spelling, what has none is not there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import pytest
import time_machine

from deployments.flags.engine import Ruleset, compile


class Tier(StrEnum):
    TWO = "2"


class Colour(str, Enum):  # noqa: UP042 - what older code still has
    RED = "red"


def where(operator: str, *, field: str = "x", **told: Any) -> Ruleset:
    constraint = {"contextName": field, "operator": operator, **told}
    strategy = {"name": "default", "constraints": [constraint]}
    return compile({"features": [{"name": "f", "enabled": True, "strategies": [strategy]}]})


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("eu", "eu"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (-0, "0"),
        (2.0, "2"),
        (2.5, "2.5"),
        (1e300, "1e+300"),
        (Decimal("1.50"), "1.50"),
        (Tier.TWO, "2"),
        (Colour.RED, "red"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00+00:00"),
        (datetime(2026, 1, 31, 12), "2026-01-31T12:00:00+00:00"),
    ],
    ids=repr,
)
def test_value__of_any_plain_type__compared_as_its_spelling(given: object, spelled: str) -> None:
    flags = where("IN", values=[spelled])
    for context in ({"x": given}, {"properties": {"x": given}}):
        assert flags.is_enabled("f", context)
        assert flags.decide_all(context)["f"].enabled
    assert where("IN", field="appName", values=[spelled]).is_enabled("f", {"appName": given})


@pytest.mark.parametrize(
    "given",
    [
        None,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("1E+999999"),
        10**5_000,
        ["eu"],
        {"eu": 1},
        b"eu",
        object(),
        Exception,
    ],
    ids=lambda value: type(value).__name__,
)
def test_value__without_a_spelling__is_not_there(given: object) -> None:
    for context in ({"x": given}, {"properties": {"x": given}}):
        assert where("NOT_IN", values=["eu"]).is_enabled("f", context)
        assert not where("STR_CONTAINS", values=[""]).is_enabled("f", context)
        assert where("STR_CONTAINS", values=[""], inverted=True).is_enabled("f", context)


def test_field__under_properties_and_at_the_top__properties_go_first() -> None:
    flags = where("IN", values=["eu"])
    assert flags.is_enabled("f", {"x": "eu"})
    assert flags.is_enabled("f", {"x": "eu", "properties": {"y": "1"}})
    assert flags.is_enabled("f", {"x": "eu", "properties": "none"})
    assert not flags.is_enabled("f", {"x": "eu", "properties": {"x": "us"}})


def test_field__of_the_standard__is_not_looked_for_under_properties() -> None:
    flags = where("IN", field="userId", values=["1"])
    assert not flags.is_enabled("f", {"properties": {"userId": "1"}})
    assert not flags.decide_all({"properties": {"userId": "1"}})["f"].enabled


def test_targeting_key__is_the_user_where_no_user_is_told() -> None:
    flags = where("IN", field="userId", values=["1"])
    assert flags.is_enabled("f", {"targetingKey": "1"})
    assert flags.is_enabled("f", {"targetingKey": 1})
    assert not flags.is_enabled("f", {"targetingKey": "1", "userId": "2"})


@pytest.mark.parametrize("context", [None, "userId", 7, [], object], ids=repr)
def test_context__that_is_none__is_an_empty_one(context: Any) -> None:
    assert where("NOT_IN", values=["eu"]).is_enabled("f", context)
    assert not where("IN", values=["eu"]).is_enabled("f", context)
    assert where("NOT_IN", values=["eu"]).decide_all(context)["f"].enabled


# --- Numbers, dates, versions, addresses --------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "more_than_ten"),
    [
        ("11", True),
        (11, True),
        (10.5, True),
        ("1e3", True),
        (1e300, True),
        ("inf", True),
        ("1e999", True),
        ("10", False),
        ("-inf", False),
        ("nan", False),
        ("", False),
        (" 11", False),
        ("1_1", False),
        ("٢٠", False),
        ("0x20", False),
        ("9" * 501, False),
        (True, False),
    ],
    ids=ascii,
)
def test_number__read_strictly(told: object, more_than_ten: bool) -> None:
    assert where("NUM_GT", value="10").is_enabled("f", {"x": told}) is more_than_ten


@pytest.mark.parametrize(
    ("told", "after"),
    [
        ("2026-01-31T12:00:01Z", True),
        ("2026-01-31T12:00:00.001Z", True),
        ("2026-01-31T14:00:01+02:00", True),
        ("2026-01-31 12:00:01 UTC", True),
        (datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC), True),
        (datetime(2026, 1, 31, 14, 0, 1, tzinfo=timezone(timedelta(hours=2))), True),
        ("9999-12-31T23:59:59-12:00", True),
        ("2026-01-31T12:00:00Z", False),
        ("2026-01-31T12:00:01", False),
        ("2026-02-01", False),
        ("2026-02-30T00:00:00Z", False),
        ("0000-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+23:00", False),
        ("tomorrow", False),
    ],
    ids=str,
)
def test_date__needs_its_zone(told: object, after: bool) -> None:
    flags = where("DATE_AFTER", value="2026-01-31T12:00:00Z")
    assert flags.is_enabled("f", {"x": told}) is after


def test_current_time__told_by_nobody__is_now() -> None:
    flags = where("DATE_AFTER", field="currentTime", value="2026-06-01T00:00:00Z")
    before, after = datetime(2026, 5, 31, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    with time_machine.travel(before, tick=False):
        assert not flags.is_enabled("f", {})
        assert flags.is_enabled("f", {"currentTime": after})
        assert flags.decide("f", {}, now=after).enabled
        assert flags.decide_all({}, now=after)["f"].enabled
        assert not flags.decide("f", {"currentTime": before}, now=after).enabled
        assert "(it is now)" in flags.explain("f", {}).rules[0].parts[0].text
    with time_machine.travel(after, tick=False):
        assert flags.is_enabled("f", {})


ORDERED = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"]
ORDERED += ["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"]


def test_versions__in_their_order() -> None:
    for place, told in enumerate(ORDERED):
        for other, limit in enumerate(ORDERED):
            context = {"x": told}
            assert where("SEMVER_GT", value=limit).is_enabled("f", context) is (place > other)
            assert where("SEMVER_LTE", value=limit).is_enabled("f", context) is (place <= other)
            assert where("SEMVER_EQ", value=limit).is_enabled("f", context) is (place == other)


def test_version__of_another_build__is_the_same_version() -> None:
    assert where("SEMVER_EQ", value="1.2.3+a").is_enabled("f", {"x": "1.2.3+b"})


@pytest.mark.parametrize(
    ("told", "within"),
    [
        ("10.1.2.3", True),
        ("10.0.0.0", True),
        ("2001:db8::7", True),
        ("11.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("010.0.0.1", False),
        ("10.0.0.1/32", False),
        ("fe80::1%eth0", False),
        ("10.0.0", False),
        ("", False),
    ],
)
def test_address__within_a_block(told: str, within: bool) -> None:
    flags = where("IN_CIDR", field="remoteAddress", values=["10.9.9.9/8", "bad", "2001:db8::/32"])
    assert flags.is_enabled("f", {"remoteAddress": told}) is within
