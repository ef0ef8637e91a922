"""Values of OTLP as anybody may send them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from telemetry.otlp import protobuf

SECRETS = ("ada@example.org", "hunter2hunter2", "4111 1111 1111 1111")


texts = st.text(max_size=20) | st.sampled_from(
    [f"write to {SECRETS[0]}", f"password={SECRETS[1]}", f"card {SECRETS[2]}"]
)
keys = st.text(max_size=8) | st.sampled_from(
    ["service.name", "bd.issue", "enduser.id", "gen_ai.operation.name", "event.name", "toolkit",
     "gen_ai.usage.input_tokens", "error.type", "session.id", "mission.id", "stage",
     "exception.message", "gen_ai.response.model", SECRETS[0]]
)  # fmt: skip
trees = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
attributes = st.dictionaries(keys, trees, max_size=6)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return protobuf.number_of(value)
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value
