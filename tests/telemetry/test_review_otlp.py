"""A name is not raw because it had to be spelled as names are."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.models import Event, Refusal
from tests import make
from tests.kit.api import Api
from tests.kit.otlp import JSON, PROTOBUF, logs, nanos, post, spans, taken

pytestmark = pytest.mark.django_db
ADDRESS, PHONE, CARD = "ada.lovelace@example.org", "+49 170 1234567", "4111 1111 1111 1111"
RAW = ("lovelace", "1234567", "1111 1111", "1111_1111")


@pytest.fixture
def api() -> Api:
    return Api(make.key(make.agent(make.workspace(), role="executor"))[1])


def nothing_raw() -> None:
    said = f"{list(Event.objects.values())} {list(Refusal.objects.values())}"
    assert not [part for part in RAW if part in said], said


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
@pytest.mark.parametrize("secret", [ADDRESS, PHONE, CARD])
def test_personal_data_anywhere_in_a_record__never_stored_raw(
    api: Api, encoding: str, secret: str
) -> None:
    at = nanos(3)
    everywhere: dict[str, Any] = {
        "note": secret,
        secret: 1,
        "list": [secret],
        "map": {secret: secret},
    }
    for fields in (
        {"event_name": secret},
        {"event_name": f"sent to {secret}"},
        {"attributes": {"event.name": secret}},
        {"body": secret},
        {"body": {"message": secret, secret: "x"}, "event_name": "named"},
        {"severity_text": secret},
        {"attributes": everywhere},
    ):
        at += 1
        taken(post(api, logs({"time_unix_nano": at, **fields}), encoding=encoding))
    nothing_raw()
    assert Event.objects.count() == 7


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
@pytest.mark.parametrize("secret", [ADDRESS, PHONE, CARD])
def test_personal_data_anywhere_in_a_span__never_stored_raw(
    api: Api, encoding: str, secret: str
) -> None:
    request = spans(
        {"name": secret},
        {"attributes": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": secret}},
        {"attributes": {"gen_ai.operation.name": "chat", "gen_ai.request.model": secret}},
        {"attributes": {"error.type": secret}},
        {"events": [{"name": secret, "attributes": {"exception.type": secret}}]},
        {"events": [{"name": "exception", "attributes": {"exception.stacktrace": secret}}]},
        resource={"service.name": secret, "host.name": secret},
        scope=secret,
    )
    taken(post(api, request, encoding=encoding))
    nothing_raw()
    assert Event.objects.count() == 6
