"""Whatever is sent to a write route, the answer is a refusal and never a failure."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.exceptions import ValidationError as DjangoValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.serializers import ValidationError

from controlplane.base.api.serializers import StrictInput, fault
from tests import make
from tests.kit import matrix

pytestmark = pytest.mark.django_db
WRITES = [
    operation
    for operation in matrix.operations()
    if operation.method in {"POST", "PUT", "PATCH"} and operation.route.view is not None
]

FORMS: set[Any] = {
    operation.route.view.inputs[operation.method] for operation in WRITES if operation.route.view
}

MALFORMED = {
    "nothing": b"",
    "half": b'{"name": ',
    "two": b"{} {}",
    "not utf-8": b'{"name": "\xff"}',
    "nul": b'{"name": "a\\u0000b"}',
    "raw nul": b'{"name": "a\x00b"}',
    "surrogate": b'{"name": "\\ud800"}',
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "twice": b'{"name": 1, "name": 2}',
    "endless number": b'{"name": ' + b"9" * 5_000 + b"}",
    "huge exponent": b'{"name": 1e999}',
    "nan": b'{"name": NaN}',
    "list": b"[]",
    "text": b'"x"',
    "null": b"null",
    "number": b"5",
    "byte order mark": b"\xef\xbb\xbf{}",
    "stranger": b'{"__proto__": {}, "id": 1, "pk": 1, "workspace_id": 1, "is_superuser": true}',
}


@pytest.fixture
def place(caplog: Any) -> Any:
    logging.disable(logging.ERROR)
    workspace = make.workspace()
    user = make.person(workspace, "viewer")
    yield workspace, user, matrix.everything(workspace, user)
    logging.disable(logging.NOTSET)


def send(operation: matrix.Operation, place: Any, body: bytes) -> Any:
    workspace, user, actor = place
    return matrix.call(operation, actor, user=user, workspace=workspace.slug, body=body)


def foreign(operation: matrix.Operation) -> bool:
    return operation.route.view is not None and operation.route.view.foreign


def judges_each(operation: matrix.Operation) -> bool:
    """A batch is taken, and what is wrong with each of its members stands in the receipt."""
    return operation.route.name == "telemetry-events"


def fields_of(operation: matrix.Operation) -> dict[str, Any]:
    view = operation.route.view
    assert view is not None
    form: Any = view.inputs[operation.method]()
    return dict(form.fields)


def test_every_input__is_a_strict_form() -> None:
    for operation in WRITES:
        assert operation.route.view is not None
        form = operation.route.view.inputs[operation.method]
        assert issubclass(form, StrictInput), f"{operation}: {form.__name__}"


def in_turn(things: Sequence[Any], at: int, count: int) -> list[Any]:
    """So many of these for the `at`-th route, other ones for the next: all have their turn on
    some route of every kind, and none on each."""
    return [things[(at * count + step) % len(things)] for step in range(count)]


def test_malformed_body__is_refused(place: Any) -> None:
    """One parser reads all bodies but those of others' protocols, which get every one of these."""
    for at, operation in enumerate(WRITES):
        odd = foreign(operation) or judges_each(operation)
        for name in list(MALFORMED) if odd else in_turn(list(MALFORMED), at, 3):
            response = send(operation, place, MALFORMED[name])
            assert response.status_code < 500, (operation, name, response.content[:300])
            # What a protocol of others makes of odd fields is for it to say, and tested there.
            if name != "nothing" and not odd:
                # 404 and 403 where the row or the caller is looked at before the body.
                assert response.status_code in {400, 403, 404, 413}, (operation, name)


ODD: list[Any] = [
    None, True, 5, -1, 2**70, 1.5, "", " ", "x" * 20_000, "\u202e", "\x1b[2J", "<script>a</script>",
    [], ["x"], [None], [[]], {}, {"a": {"b": []}}, "../../etc/passwd", "' OR 1=1 --", "9999-99-99",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "\U0001f9e8" * 300,
]  # fmt: skip


def taken(field: Any, value: Any) -> bool:
    """Whether this field of a form takes the value, as `StrictInput` asks."""
    if fault(field, value):
        return False
    try:
        field.run_validation(value)
    except (ValidationError, DjangoValidationError):
        return False
    return True


def test_odd_value_in_every_field__never_fails(place: Any) -> None:
    """Every form judges each of them. What its fields let through goes on to the route, alone and
    together: there are few, and only those get beyond the form."""
    sent = 0
    for at, operation in enumerate(WRITES):
        fields = fields_of(operation)
        odd = {name: [v for v in ODD if taken(field, v)] for name, field in fields.items()}
        bodies = [
            {name: values[step % len(values)] for name, values in odd.items() if values}
            for step in range(at, at + 3)
        ]
        alone = [{name: value} for name, values in odd.items() for value in values]
        for body in [*bodies, *(in_turn(alone, at, 3) if alone else ())]:
            response = send(operation, place, json.dumps(body).encode())
            assert response.status_code < 500, (operation, body, response.content[:300])
            sent += 1
    assert sent > len(WRITES)


@settings(max_examples=30)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_any_json_in_any_field__is_taken_or_refused(value: Any) -> None:
    for form in FORMS:
        for field in form().fields.values():
            taken(field, value)


@pytest.mark.slow
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_in_any_body__never_fails(place: Any, data: Any) -> None:
    plain = st.text(max_size=20) | st.integers(-9, 9) | st.booleans() | st.none()
    value = st.one_of(
        plain, st.lists(plain, max_size=2), st.dictionaries(st.text(max_size=5), plain, max_size=2)
    )
    seed = data.draw(st.lists(value, min_size=8, max_size=8))
    for at, operation in enumerate(WRITES):
        names = sorted(fields_of(operation)) or ["x"]
        body = dict(zip(names[at % len(names) :], in_turn(seed, at, 8), strict=False))
        response = send(operation, place, json.dumps(body).encode())
        assert response.status_code < 500, (operation, body, response.content[:300])


QUERIES = ["limit=0", "cursor=%ff", "sort=%00", "zzz=1", "workspace=", "limit=1&limit=2"]


def test_odd_query__never_fails(place: Any) -> None:
    workspace, user, actor = place
    reads = [operation for operation in matrix.operations() if operation.reads]
    for at, operation in enumerate(reads):
        for query in in_turn(QUERIES, at, 2):
            path = f"{operation.path()}?{query}"
            response = matrix.call(operation, actor, user=user, workspace=workspace.slug, path=path)
            assert response.status_code < 500, (operation, query)
