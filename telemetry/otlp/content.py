"""What people and models said to each other, which is not ours to keep.

Instrumentation puts prompts, answers, arguments and results of tools into attributes, span events
and bodies of records. The names are those of OpenTelemetry's GenAI conventions, old and new, of
OpenInference, OpenLLMetry, Google's ADK, the Vercel AI SDK and Pydantic AI.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from controlplane.lib.defaults import define
from controlplane.lib.redaction.keys import KEEP as _ID
from controlplane.lib.redaction.keys import classify
from telemetry.ingest.cleaning import clean_word

KEEP = define(
    "telemetry.keep_prompt_content",
    False,
    why="prompts and answers are left out of OTLP telemetry: they hold what nobody meant to log;"
    " with true they are kept, redacted like everything else",
)
MOST = define(
    "telemetry.otlp_max_attributes",
    1_000,
    unit="values",
    why="attributes of one record, members of lists and maps included; SDKs stop at 128",
)
_LIKE_AN_ID = re.compile(r"[A-Za-z0-9._:/-]*")
_CONTENT = re.compile(
    r"""
    gen_ai\.(?:input\.messages|output\.messages|system_instructions|tool\.definitions
      |tool\.call\.(?:arguments|result)|retrieval\.(?:query\.text|documents)
      |evaluation\.explanation|content\..*
      |(?:prompt|completion)(?:\.\d+(?:\..*)?)?)
    |(?:input|output)\.value
    |llm\.(?:input_messages|output_messages|prompts|choices|tools|function_call|system_prompt
      |prompt_template\.(?:template|variables)|request\.functions|prompt|completion)(?:\..*)?
    |(?:message|document|tool_call\.function)\.(?:content|contents|arguments)(?:\..*)?
    |(?:retrieval|reranker)\.(?:documents|query|input_documents|output_documents)(?:\..*)?
    |embedding\.(?:embeddings|text|vector)(?:\..*)?
    |tool\.(?:parameters|arguments|result|output)(?:\..*)?
    |tool_(?:arguments|response)
    |traceloop\.entity\.(?:input|output)
    |gcp\.vertex\.agent\.(?:llm_request|llm_response|tool_call_args|tool_response|data)
    |ai\.(?:prompt|response\.(?:text|object|reasoning|toolCalls)|toolCall\.(?:args|result)
      |value|values|embedding|embeddings|schema)(?:\..*)?
    |(?:pydantic_ai\.)?all_messages(?:_events)?|final_result|model_request_parameters
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=8192)
def _is_content(name: str) -> bool:
    return _CONTENT.fullmatch(name[:200]) is not None


def _id_or_clean(name: str, value: Any) -> Any:
    """The redactor never touches what stands under the name of an id, such as `mission.id`. Names
    of attributes are anybody's, and what does not look like an id is a text like others."""
    if isinstance(value, str) and classify(name) == _ID and not _LIKE_AN_ID.fullmatch(value):
        return clean_word(value)
    return value


class Kept:
    """Copies what one record carries: no content, no more than one record may hold. `context`
    then tells how much was left out."""

    def __init__(self) -> None:
        self.keep = KEEP.value
        self._most = MOST.value
        self.start()

    def start(self) -> None:
        """Begin another record."""
        self.room = self._most
        self.content = self.cut = 0

    def attributes(self, given: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in given.items():
            if not self.keep and _is_content(name):
                self.content += 1
            elif self.room <= 0:
                self.cut += 1
            else:
                found[name] = self.value(_id_or_clean(name, value))
        return found

    def value(self, value: Any) -> Any:
        self.room -= 1
        if isinstance(value, dict):
            return self.attributes(value)
        if isinstance(value, list):
            kept: list[Any] = []
            for member in value:
                if self.room <= 0:
                    self.cut += len(value) - len(kept)
                    break
                kept.append(self.value(member))
            return kept
        return value

    def said(self, name: str, value: Any) -> Any:
        """A body or the attributes of a span event called so: those of the GenAI conventions
        are nothing but content."""
        if not self.keep and name.startswith("gen_ai.") and value not in (None, {}, ""):
            self.content += 1
            return None
        return self.value(value)

    def tell(self, context: dict[str, Any]) -> None:
        if self.content:
            context["content_left_out"] = self.content
        if self.cut:
            context["attributes_left_out"] = self.cut
