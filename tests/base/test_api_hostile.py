"""Whatever is sent to a write route, the answer is a refusal and never a failure."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.base.api.serializers import StrictInput
from tests import make
from tests.kit import matrix

pytestmark = pytest.mark.django_db
WRITES = [
    operation
    for operation in matrix.operations()
    if operation.method in {"POST", "PUT", "PATCH"} and operation.route.view is not None
]

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


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_body__is_refused(place: Any, name: str) -> None:
    for operation in WRITES:
        response = send(operation, place, MALFORMED[name])
        assert response.status_code < 500, (operation, response.content[:300])
        # What a protocol of others makes of odd fields is for it to say, and tested there.
        if name not in {"nothing"} and not foreign(operation) and not judges_each(operation):
            # 404 and 403 where the row or the caller is looked at before the body.
            assert response.status_code in {400, 403, 404, 413}, (operation, response.content[:300])


ODD: list[Any] = [
    None, True, 5, -1, 2**70, 1.5, "", " ", "x" * 20_000, "\u202e", "\x1b[2J", "<script>a</script>",
    [], ["x"], [None], [[]], {}, {"a": {"b": []}}, "../../etc/passwd", "' OR 1=1 --", "9999-99-99",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "\U0001f9e8" * 300,
]  # fmt: skip


def test_odd_value_in_every_field__never_fails(place: Any) -> None:
    for operation in WRITES:
        for name in fields_of(operation):
            for value in ODD:
                response = send(operation, place, json.dumps({name: value}).encode())
                assert response.status_code < 500, (operation, name, value, response.content[:300])


# So many routes share one example: what one example may draw is limited.
PARTS = -(-len(WRITES) // 15)


@pytest.mark.parametrize("part", range(PARTS))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_in_any_form__never_fails(place: Any, data: Any, part: int) -> None:
    value = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
    for operation in WRITES[part::PARTS]:
        names = sorted(fields_of(operation)) or ["x"]
        most = min(len(names), 8)
        body = data.draw(st.dictionaries(st.sampled_from(names), value, max_size=most))
        response = send(operation, place, json.dumps(body).encode())
        assert response.status_code < 500, (operation, body, response.content[:300])


@pytest.mark.parametrize(
    "query", ["limit=0", "cursor=%ff", "sort=%00", "zzz=1", "workspace=", "limit=1&limit=2"]
)
def test_odd_query__never_fails(place: Any, query: str) -> None:
    workspace, user, actor = place
    for operation in matrix.operations():
        if operation.reads:
            path = f"{operation.path()}?{query}"
            response = matrix.call(operation, actor, user=user, workspace=workspace.slug, path=path)
            assert response.status_code < 500, (operation, query)
