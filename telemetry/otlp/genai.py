"""Spans of models, agents and tools, as the events that are measured.

OpenTelemetry's GenAI conventions, OpenInference and OpenLLMetry name the same things differently.

- A call of a tool is a `composio_tool_call`, failed ones included: success rates, breakers and
  KPIs read tool calls there, whoever reports them. It counts one call and, with its status
  `error`, one failure; a `composio_tool_call_error` beside it would be the same call again.
- A run of an agent is an `agent_run_completed`. Its tokens are the sum of the calls below it, so
  it must not be counted among these.
- Everything else is a `gen_ai_call`: chats, embeddings, retrievals, guardrails.
"""

from __future__ import annotations

import re
from typing import Any

from telemetry.catalogue import OPERATIONS
from telemetry.otlp.fields import word

CALL, RUN, TOOL = "gen_ai_call", "agent_run_completed", "composio_tool_call"
_OF_OPENINFERENCE = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluate",
    "AGENT": "invoke_agent",
    "TOOL": "execute_tool",
}
_OF_OPENLLMETRY = {"agent": "invoke_agent", "tool": "execute_tool"}
_MODEL = (
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
)
_PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
_TOOL = ("gen_ai.tool.name", "tool.name", "tool_call.function.name", "traceloop.entity.name")
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
)
_TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")
# Operations whose tokens are those of the calls below them.
_SUMS = frozenset({"invoke_workflow"})
# `HUBSPOT_CREATE_CONTACT`: tools of Composio carry their toolkit in their name.
_SLUG = re.compile(r"([A-Z][A-Z0-9]*)(?:_[A-Z0-9]+)+")


def event_of(name: str, context: dict[str, Any]) -> str:
    """Which event this span is; empty: none of these. Adds to `context` what is measured."""
    operation = _operation(context)
    if not operation:
        return ""
    if operation == "execute_tool":
        _tool(name, context)
        return TOOL
    model, tokens = _first(context, _MODEL), _tokens(context)
    if model:
        context["model"] = model
    if operation == "invoke_agent":
        if "total" in tokens:
            context["token_usage"] = tokens["total"]
        return RUN
    context["operation"] = operation
    context.update({f"{way}_tokens": tokens[way] for way in ("input", "output") if way in tokens})
    if "total" in tokens and operation not in _SUMS:
        context["tokens"] = tokens["total"]
    provider = _first(context, _PROVIDER)
    if provider:
        context.setdefault("toolkit", provider)
    return CALL


def _operation(context: dict[str, Any]) -> str:
    said = word(context.get("gen_ai.operation.name"))
    if said:
        return said
    kind = _OF_OPENINFERENCE.get(word(context.get("openinference.span.kind")).upper())
    kind = kind or _OF_OPENLLMETRY.get(word(context.get("traceloop.span.kind")))
    if kind:
        return kind
    if _first(context, _PROVIDER) and _first(context, _MODEL):
        return word(context.get("llm.request.type")) or "chat"
    return ""


def _tool(name: str, context: dict[str, Any]) -> None:
    tool = _first(context, _TOOL) or name.removeprefix("execute_tool ")
    context["action"] = tool
    if tool.upper() in OPERATIONS:
        context["meta_tool"] = tool.upper()
    slug = _SLUG.fullmatch(tool)
    if slug and not any(key in context for key in ("toolkit", "toolkit.slug", "composio.toolkit")):
        context["toolkit"] = slug[1].lower()


def _tokens(context: dict[str, Any]) -> dict[str, int]:
    found = {
        way: value
        for way, names in (("input", _INPUT), ("output", _OUTPUT), ("total", _TOTAL))
        if (value := _count(context, names)) is not None
    }
    if "total" not in found and found:
        found["total"] = sum(found.values())
    return found


def _count(context: dict[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = context.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
            return value
    return None


def _first(context: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := word(context.get(name)))), "")
