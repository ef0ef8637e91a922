"""What people and models said stays out, under every name it is known by."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.models import Event
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.otlp import logs, post, spans, taken

pytestmark = pytest.mark.django_db
SAID = "the words of somebody"
CONTENT = """
gen_ai.input.messages gen_ai.output.messages gen_ai.system_instructions gen_ai.tool.definitions
gen_ai.tool.call.arguments gen_ai.tool.call.result gen_ai.retrieval.query.text
gen_ai.retrieval.documents gen_ai.evaluation.explanation gen_ai.prompt gen_ai.completion
gen_ai.prompt.0.content gen_ai.completion.0.role gen_ai.content.prompt
input.value output.value llm.input_messages.0.message.content llm.output_messages.1.message.role
llm.prompts llm.prompt_template.template llm.prompt_template.variables llm.function_call
llm.tools.0.tool.json_schema message.content document.content embedding.text
embedding.embeddings.0.embedding.text retrieval.documents.0.document.content reranker.query
reranker.input_documents.0.document.content tool.parameters tool_call.function.arguments
traceloop.entity.input traceloop.entity.output
gcp.vertex.agent.llm_request gcp.vertex.agent.llm_response gcp.vertex.agent.tool_call_args
gcp.vertex.agent.tool_response gcp.vertex.agent.data
ai.prompt ai.prompt.messages ai.response.text ai.response.toolCalls ai.toolCall.args
ai.toolCall.result all_messages_events pydantic_ai.all_messages tool_arguments tool_response
final_result
"""
KEPT_NAMES = """
gen_ai.prompt.name gen_ai.request.model gen_ai.response.finish_reasons gen_ai.usage.input_tokens
gen_ai.tool.name gen_ai.tool.call.id gen_ai.output.type llm.model_name llm.token_count.prompt
input.mime_type ai.model.id tool.name embedding.model_name gen_ai.data_source.id
"""
NAMES, KEPT = CONTENT.split(), KEPT_NAMES.split()


@settled.once
def api() -> Api:
    return Api(make.key(make.agent(make.workspace(), role="executor"))[1])


def everywhere() -> list[Any]:
    said: dict[str, Any] = dict.fromkeys(NAMES, SAID)
    said["gen_ai.input.messages"] = [{"role": "user", "parts": [SAID]}]
    event = {"name": "gen_ai.user.message", "attributes": {"content": SAID}}
    other = {"name": "step", "attributes": {**said, "n": 1}}
    nested = {"outer": {"input.value": SAID, "n": 1}}
    return [
        spans({"attributes": {**said, **nested}, "events": [event, other]}, resource=said),
        logs(
            {"event_name": "gen_ai.user.message", "body": {"content": SAID}},
            {"event_name": "gen_ai.choice", "body": SAID},
            {"body": {"gen_ai.input.messages": SAID, "n": 1}, "attributes": said},
        ),
    ]


def test_content__left_out_everywhere_and_counted(api: Api) -> None:
    for request in everywhere():
        taken(post(api, request))
    rows = list(Event.objects.values())
    assert len(rows) == 4
    assert SAID not in str(rows)
    assert all(row["context"]["content_left_out"] for row in rows)
    span = Event.objects.get(event_type="span").context
    assert span["outer"] == {"n": 1}
    assert [event["name"] for event in span["events"]] == ["gen_ai.user.message", "step"]


def test_content__kept_where_an_operator_asks_for_it_and_redacted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_KEEP_PROMPT_CONTENT", "true")
    for request in everywhere():
        taken(post(api, request))
    assert str(list(Event.objects.values())).count(SAID) > len(NAMES)
    Event.objects.all().delete()
    prompt = "mail ada@example.org, password=hunter2hunter2"
    taken(post(api, spans({"attributes": {"gen_ai.input.messages": [{"content": prompt}]}})))
    row = str(Event.objects.values().get())
    assert "mail" in row
    assert "ada@example.org" not in row
    assert "hunter2" not in row


def test_what_is_no_content__stays(api: Api) -> None:
    taken(post(api, spans({"attributes": dict.fromkeys(KEPT, "kept")})))
    context = Event.objects.get().context
    assert {name: context.get(name) for name in KEPT} == dict.fromkeys(KEPT, "kept")
    assert "content_left_out" not in context
