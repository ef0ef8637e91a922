"""How a program connects: a few lines each, with the address of this portal."""

from __future__ import annotations

from dataclasses import dataclass

INSTANCE_COLUMNS = (
    ("app", "Application"),
    ("instance", "Instance"),
    ("sdk", "SDK", "code"),
    ("last_seen", "Last seen", "when"),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    title: str
    language: str
    text: str


_OPENFEATURE = """\
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

api.set_provider(OFREPProvider("{base}", headers_factory=lambda: {{
    "Authorization": f"Bearer {{token}}",
}}))
flags = api.get_client()
flags.get_boolean_value("my-flag", False, EvaluationContext(targeting_key="user-7"))"""
_UNLEASH = """\
from UnleashClient import UnleashClient

flags = UnleashClient("{base}/unleash/api", "my-app",
                      custom_headers={{"Authorization": token}})
flags.initialize_client()
flags.is_enabled("my-flag", {{"userId": "user-7"}})"""
_NODE = """\
import {{ initialize }} from "unleash-client";

const flags = initialize({{
  url: "{base}/unleash/api",
  appName: "my-app",
  customHeaders: {{ Authorization: process.env.FLAGS_TOKEN }},
}});
flags.isEnabled("my-flag", {{ userId: "user-7" }});"""
_CURL = """\
curl -X POST {base}/ofrep/v1/evaluate/flags/my-flag \\
  -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\
  -d '{{"context": {{"targetingKey": "user-7"}}}}'"""
_FRONTEND = """\
curl "{base}/unleash/api/frontend?userId=user-7" -H "Authorization: {token}\""""


def of(base: str, token: str, kind: str) -> list[Snippet]:
    """Those that a token of this kind may use."""
    every = {
        "ofrep": [("OpenFeature, Python", "python", _OPENFEATURE), ("By hand", "shell", _CURL)],
        "client": [
            ("Unleash, Python", "python", _UNLEASH),
            ("Unleash, Node", "javascript", _NODE),
            ("OpenFeature, Python", "python", _OPENFEATURE),
            ("By hand", "shell", _CURL),
        ],
        "frontend": [("A browser's SDK, by hand", "shell", _FRONTEND), ("OFREP", "shell", _CURL)],
    }
    return [
        Snippet(title, language, text.format(base=base, token=token))
        for title, language, text in every.get(kind, every["client"])
    ]
