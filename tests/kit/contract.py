"""The OpenAPI document as a contract: requests made of it, answers held against it.

schemathesis reads the document and makes the requests: each value at its limits, just past them,
and drawn at random. Each goes through the whole stack in this process, and what it wrote is taken
back. Paths and bodies name rows that are there: a route that only answers 404 proves little.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

import hypothesis
import requests
import schemathesis
from django.core import signals
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from controlplane.base.management.commands.api_schema import FROZEN
from tests.kit import matrix
from tests.kit.contract_rows import Known

CONFORMANCE = [status_code_conformance, content_type_conformance, response_headers_conformance]
PATH, BODY = ParameterLocation.PATH, ParameterLocation.BODY
MANY = 40  # are made for each that is sent: more only cost time
OURS = ("Authorization", "X-Workspace", "Cookie", "Content-Length", "User-Agent")


@cache
def document() -> Any:
    return schemathesis.openapi.from_dict(json.loads(FROZEN.read_text()))


@cache
def operations() -> list[Any]:
    return [found.ok() for found in document().get_all_operations()]


@dataclass
class Caller:
    """Somebody who calls, with credentials by the name that the document has for them."""

    client: Client
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)

    def headers(self, operation: Any) -> dict[str, str]:
        demands = operation.definition.raw.get("security") or [{}]
        names = [name for demand in demands for name in demand]
        return next((self.credentials[name] for name in names if name in self.credentials), {})


# --- Requests ---------------------------------------------------------------------------------


def cases(operation: Any, known: Known, *, count: int, seed: int = 0) -> Iterator[Any]:
    """So many at the limits of what the document says, and half as many drawn at random; the same
    ones for the same seed."""
    chance = random.Random(zlib.crc32(f"{seed} {operation.label}".encode()))
    limits = list(islice(_at_limits(operation), MANY * count))
    if len(limits) > count:
        limits = [limits[0], *chance.sample(limits[1:], count - 1)]
    fuzzed = [
        case
        for mode in GenerationMode
        for case in _drawn(operation, mode, count // 4, chance.randrange(2**32))
    ]
    for case in [*limits, *fuzzed]:
        yield _meant(case, known, chance)


def plain(operation: Any) -> Any:
    """One that says what the document asks for, and nothing more; None where none can be made."""
    return next(_at_limits(operation, GenerationMode.POSITIVE), None)


def fields_of(case: Any) -> dict[str, dict[str, Any]]:
    """The fields of its body, each with its form."""
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    form = _resolved(content.get("application/json", {}).get("schema", {}))
    return {name: _resolved(each) for name, each in form.get("properties", {}).items()}


def _resolved(form: dict[str, Any]) -> dict[str, Any]:
    """By name, or as one of a list that has nothing else."""
    while "$ref" in form or len(form.get("allOf", [])) == 1:
        if "$ref" not in form:
            form = form["allOf"][0]
            continue
        found = document().raw_schema
        for part in form["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        form = found
    return form


def _at_limits(operation: Any, *modes: GenerationMode) -> Iterator[Any]:
    config = document().config.generation
    yield from document().iter_coverage_cases(
        operation, generation_modes=list(modes or GenerationMode), generation_config=config
    )


def _drawn(operation: Any, mode: GenerationMode, count: int, seed: int) -> list[Any]:
    found: list[Any] = []
    if not count:
        return found

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def draw(case: Any) -> None:
        found.append(case)

    try:
        draw()
    except hypothesis.errors.Unsatisfiable:
        return []  # it takes anything: nothing that it refuses can be made
    return found


def _meant(case: Any, known: Known, chance: random.Random) -> Any:
    """Naming what is there, in seven of eight, wherever the case is not about what is wrong."""
    fillings, meta = known.of(case.operation.path), case.meta
    wrong = {place for place in (PATH, BODY) if meta is not None and meta.is_negative_at(place)}
    if case.path_parameters and fillings and PATH not in wrong and chance.random() < 0.875:
        case.path_parameters = {**case.path_parameters, **chance.choice(fillings)}
    if isinstance(case.body, dict) and BODY not in wrong:
        own = {
            name: known.value(name, chance)
            for name, value in case.body.items()
            if isinstance(value, str) and chance.random() < 0.75
        }
        case.body = {**case.body, **{name: value for name, value in own.items() if value}}
    return case


# --- Answers ----------------------------------------------------------------------------------


@dataclass
class Answer:
    case: Any
    status: int
    faults: list[str]


def ask(case: Any, caller: Caller) -> Answer:
    """Send it, and say what the answer does that the document doesn't. What it wrote is undone."""
    sent = _prepared(case)
    with matrix.taken_back():
        got = _answered(sent, case, caller)
        content = b"" if got.streaming else got.content
        if got.streaming:
            _put_away(got)
    faults = list(_faults(case, got, content, sent))
    shown = f"{case.method} {sent.path_url[:300]} {_body(sent)[:400]!r} -> {got.status_code}"
    return Answer(case, got.status_code, [f"{shown}: {fault}" for fault in faults])


def send(case: Any, caller: Caller) -> Any:
    """Send it and leave what it wrote."""
    got = _answered(_prepared(case), case, caller)
    if got.streaming:
        _put_away(got)
    return got


def _put_away(answer: Any) -> None:
    """What it would have read from is closed, and the test's connection is not."""
    signals.request_finished.disconnect(close_old_connections)
    answer.close()
    signals.request_finished.connect(close_old_connections)


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    """One value a line."""
    values = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(each, default=str).encode() + b"\n" for each in values)


def _prepared(case: Any) -> Any:
    kwargs = case.as_transport_kwargs(base_url="http://testserver")
    kwargs.pop("cookies", None)
    return requests.Request(**kwargs).prepare()


def _body(sent: Any) -> bytes:
    return sent.body.encode() if isinstance(sent.body, str) else sent.body or b""


def _answered(sent: Any, case: Any, caller: Caller) -> Any:
    own: dict[str, str] = {name: text for name, text in sent.headers.items() if name not in OURS}
    content_type = own.pop("Content-Type", "")
    return caller.client.generic(
        str(sent.method), sent.path_url, _body(sent), content_type=content_type,
        headers={**own, **caller.headers(case.operation)},
    )  # fmt: skip


def _faults(case: Any, got: Any, content: bytes, sent: Any) -> Iterator[str]:
    if got.status_code >= 500 and got.status_code != 503:
        yield f"failed: {content[:300]!r}"
        return
    if "%00" in sent.path_url:  # refused before any route is looked for, in our own form
        return
    headers = {name: [text] for name, text in got.items()}
    told = Response(got.status_code, headers, content, sent, 0.0, verify=False)
    checks: list[Any] = [*CONFORMANCE]
    if not got.streaming:
        checks.append(response_schema_conformance)
    # Credentials and the workspace are the caller's own, whatever the case has there.
    if got.status_code < 400 and not {"Authorization", "X-Workspace"} & set(case.headers or {}):
        checks.append(negative_data_rejection)
    try:
        case.validate_response(told, checks=checks)
    except (FailureGroup, Failure) as error:
        for fault in getattr(error, "exceptions", [error]):
            words = " ".join(str(fault.message).split())[:400]
            yield f"{fault.title}: {words} {content[:300]!r}"
