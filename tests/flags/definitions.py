"""Flags, segments and contexts as people write them, for hypothesis to combine."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

FIELDS = ["userId", "sessionId", "environment", "appName", "remoteAddress", "tier", "note"]
TEXTS = ["", "1", "2", "7", "42", "eu", "EU", "us", "abc", "ABCdef", "straße", "STRASSE", "日本"]
NUMBERS = ["0", "1", "2", "7", "42", "-1", "1.5", "1.50", "0.1", "1e3", "100000000000000000000"]
ODD_NUMBERS = ["inf", "-inf", "nan", "1e400", "+2", "01", ".5", "1.", "", " 1", "1_0", "١", "eu"]
DATES = [
    "2022-01-29T13:00:00Z",
    "2022-01-29T13:00:00.000Z",
    "2022-01-29T13:00:00.001Z",
    "2022-01-29T13:00:00+02:00",
    "2022-01-29T13:00:00-05:30",
    "2031-12-31T23:59:59Z",
    "1969-07-20T20:17:40Z",
]
ODD_DATES = [
    "2022-01-29",
    "2022-01-29T13:00Z",
    "2022-01-29T13:00:00",
    "2022-01-29 13:00:00Z",
    "2022-1-29T13:00:00 +0200",
    "2022-02-30T13:00:00Z",
    "2022-01-29T24:00:00Z",
    "2022-01-29T13:00:00.1234567Z",
    "now",
]
VERSIONS = [
    "1.2.3",
    "1.2.4",
    "1.10.0",
    "2.0.0-alpha",
    "2.0.0-alpha.1",
    "2.0.0-alpha.beta",
    "2.0.0-beta.2",
    "2.0.0-beta.11",
    "2.0.0-rc.1+build.5",
    "2.0.0",
    "2.0.0+b2",
]
ODD_VERSIONS = ["1.2", "v1.2.3", "1.2.3.4", "01.2.3", "2.0.0-01", "99999999999999999999.0.0", "x"]
ADDRESSES = ["10.0.0.1", "10.255.0.9", "192.168.1.77", "8.8.8.8", "::1", "2001:db8::7", "fe80::1"]
ODD_ADDRESSES = ["10.0.0", "010.0.0.1", "10.0.0.1/32", "::ffff:10.0.0.1", "localhost", ""]
NETWORKS = ["10.0.0.0/8", "10.0.0.1", "192.168.1.64/26", "2001:db8::/32", "::1", "8.8.8.8/31"]
PATTERNS = ["", "^a", "b+c", "(?i)EU", "^[0-9]+$", "s{2}", "a|e", r"\.", "^$", "[^a-z]"]
GROUPS = ["g", "another group", "ü", ""]
PEOPLE = [str(number) for number in range(40)]

_flag = st.sampled_from([None, False, True])


def _known(**told: Any) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value is not None}


def _limited(operators: list[str], values: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        _known,
        contextName=st.sampled_from(FIELDS),
        operator=st.sampled_from(operators),
        value=st.sampled_from(values),
        inverted=_flag,
    )


def _listed(
    operators: list[str], values: list[str], fewest: int = 0
) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        _known,
        contextName=st.sampled_from(FIELDS),
        operator=st.sampled_from(operators),
        values=st.lists(st.sampled_from(values), min_size=fewest, max_size=3),
        inverted=_flag,
        caseInsensitive=_flag,
    )


_dates = st.builds(
    _known,
    contextName=st.sampled_from(["currentTime", "note"]),
    operator=st.sampled_from(["DATE_AFTER", "DATE_BEFORE"]),
    value=st.sampled_from(DATES),
    inverted=_flag,
)
_patterns = st.builds(
    _known,
    contextName=st.sampled_from(["tier", "userId"]),
    operator=st.just("REGEX"),
    value=st.sampled_from(PATTERNS),
    inverted=_flag,
    caseInsensitive=_flag,
)
constraints = st.one_of(
    _listed(["IN", "NOT_IN"], TEXTS + NUMBERS),
    _listed(["STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS"], TEXTS, 1),
    _limited(["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"], NUMBERS),
    _limited(
        ["SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"],
        VERSIONS,
    ),
    _dates,
    _patterns,
    _listed(["IN_CIDR"], NETWORKS, 1),
)
SEGMENTS = [1, 2, 3]
segments = st.tuples(
    *(
        st.builds(
            lambda rules, key=key: {"id": key, "name": f"segment {key}", "constraints": rules},
            st.lists(constraints, max_size=2),
        )
        for key in SEGMENTS
    )
).map(list)
_payload = st.one_of(st.none(), st.just({"type": "json", "value": '{"a": 1}'}))
_stickiness = st.sampled_from(["default", "userId", "sessionId", "random", "tier"])


def _variants(*, own: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Of a flag, with overrides and a stickiness of their own; or of a rule."""
    extra: dict[str, Any] = {}
    if own:
        override = st.builds(
            lambda field, values: {"contextName": field, "values": values},
            st.sampled_from(FIELDS),
            st.lists(st.sampled_from(TEXTS), max_size=2),
        )
        extra = {"overrides": st.one_of(st.none(), st.lists(override, max_size=2))}
    variant = st.builds(
        _known, weight=st.integers(0, 1000), stickiness=_stickiness, payload=_payload, **extra
    )
    return st.lists(variant, max_size=3).map(_named).filter(_weighs)


def _named(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One stickiness for all of them, as the forms of all servers keep it."""
    first = variants[0]["stickiness"] if variants else ""
    return [
        {**one, "name": f"v{number}", "stickiness": first} for number, one in enumerate(variants)
    ]


def _weighs(variants: list[dict[str, Any]]) -> bool:
    return not variants or sum(one["weight"] for one in variants) > 0


def _strategy(name: str, **parameters: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda told, rules, used, variants: {
            "name": name,
            "parameters": _known(**told),
            "constraints": rules,
            "segments": used,
            "variants": variants,
        },
        st.fixed_dictionaries(parameters),
        st.lists(constraints, max_size=3),
        st.lists(st.sampled_from(SEGMENTS), max_size=2),
        _variants(own=False),
    )


_percent = st.sampled_from(["0", "1", "10", "50", "99", "100"])
_people = st.lists(st.sampled_from(PEOPLE[1:]), min_size=1, max_size=4).map(", ".join)
strategies = st.one_of(
    _strategy("default"),
    _strategy(
        "flexibleRollout",
        rollout=_percent,
        stickiness=_stickiness,
        groupId=st.one_of(st.none(), st.sampled_from(GROUPS)),
    ),
    _strategy("userWithId", userIds=_people),
    _strategy("remoteAddress", IPs=st.lists(st.sampled_from(NETWORKS), min_size=1).map(",".join)),
    _strategy("gradualRolloutUserId", percentage=_percent, groupId=st.sampled_from(GROUPS)),
    _strategy("gradualRolloutSessionId", percentage=_percent, groupId=st.sampled_from(GROUPS)),
    _strategy("nobody-knows-this"),
)
NAMES = ["alpha", "beta", "gamma.δ", "delta~1"]
_needs = st.builds(
    _known,
    feature=st.sampled_from([*NAMES, "missing"]),
    enabled=_flag,
    variants=st.one_of(st.none(), st.lists(st.sampled_from(["v0", "v1"]), max_size=2)),
)
features = st.builds(
    _known,
    enabled=st.sampled_from([True, True, True, False]),
    strategies=st.lists(strategies, max_size=3),
    variants=_variants(own=True),
    dependencies=st.one_of(st.none(), st.none(), st.lists(_needs, max_size=2)),
)


def _document(given: list[dict[str, Any]], used: list[dict[str, Any]]) -> dict[str, Any]:
    named = [{"name": name, **one} for name, one in zip(NAMES, given, strict=False)]
    weighed = {one["name"] for one in named if one["variants"]}
    for one in named:
        for need in one.get("dependencies", ()):
            # Of a flag that is off or has no variants the SDKs disagree about which it gives.
            if need.get("enabled") is False or need["feature"] not in weighed:
                need.pop("variants", None)
    return {"version": 2, "features": copy.deepcopy(named), "segments": used}


documents = st.builds(
    _document,
    st.lists(features, min_size=1, max_size=len(NAMES)),
    segments,
)
_anything = TEXTS + NUMBERS + ODD_NUMBERS + VERSIONS + ODD_VERSIONS + ADDRESSES + DATES + ODD_DATES


def contexts(*, known: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """`known`: somebody, with a session: nothing has to be left to chance but what says so."""
    ids = st.sampled_from(PEOPLE + TEXTS)
    maybe = ids if known else st.one_of(st.none(), ids)
    return st.builds(
        _known,
        userId=maybe,
        sessionId=maybe,
        environment=st.sampled_from([None, "eu", "dev"]),
        appName=st.sampled_from([None, "abc", "42"]),
        currentTime=st.sampled_from([None, *DATES, *ODD_DATES[:4]]),
        remoteAddress=st.sampled_from([None, *ADDRESSES, *ODD_ADDRESSES]),
        properties=st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {},
                optional={"tier": st.sampled_from(_anything), "note": st.sampled_from(_anything)},
            ),
        ),
    )
