"""The OpenAPI document: whole, valid, frozen, and shown to people."""

from __future__ import annotations

import copy
import io
import json
import re
from functools import cache
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controlplane.base.api import checks, documents
from controlplane.base.api.compatibility import removals
from controlplane.base.api.schema import unique_name
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.management.commands import api_schema
from tests import make
from tests.kit.api import Api, refused

pytestmark = pytest.mark.django_db


@cache
def text() -> str:
    return api_schema.frozen_text(documents.document())


@pytest.fixture
def made() -> Any:
    """That it is valid, `manage.py test` asks by itself before any test."""
    return json.loads(text())


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_document__names_every_declared_route(made: Any) -> None:
    known = {(path, method.upper()) for path, method, _ in operations(made)}
    for route in checks.routes():
        if route.view is None or route.view.schema is None:
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        for method in route.view.actions:
            assert (path, method) in known, f"{method} {path} is not documented"


# Routes with credentials of their own speak others' protocols, refusals included.
_FOREIGN: tuple[Any, ...] = ([{"sdkToken": []}], [{"AlertSourceKey": []}])


def test_operations__document_their_refusals(made: Any) -> None:
    names = set()
    for path, method, operation in operations(made):
        statuses = set(operation["responses"])
        assert {"400", "429", "503"} <= statuses, (path, method)
        oauth = operation["security"] == [{"oauthClient": []}]  # there a refusal is a 400
        if oauth:
            assert "401" in statuses, (path, method)
        elif operation["security"] != [{}]:
            assert {"401", "403"} <= statuses, (path, method)
        if not oauth and operation["security"] not in ([{}], *_FOREIGN):
            assert "404" in statuses, (path, method)
        if method != "get":
            assert {"409", "413", "415"} <= statuses, (path, method)
        assert any(status.startswith("2") for status in statuses), (path, method)
        for status, answer in operation["responses"].items():
            assert answer["description"], (path, method, status)
            if status >= "400" and operation["security"] not in _FOREIGN:
                schema = answer["content"]["application/json"]["schema"]
                form = "McpAnswer" if path == "/mcp" else "Error"
                form = "StatusForm" if path.endswith(("/v1/logs", "/v1/traces")) else form
                form = "OauthRefusal" if path.startswith("/api/v1/oauth/") else form
                assert schema == {"$ref": f"#/components/schemas/{form}"}
        names.add(operation["operationId"])
    assert len(names) == len(operations(made))


def test_operations__document_headers_and_parameters(made: Any) -> None:
    listing = made["paths"]["/api/v1/throttles"]["get"]
    named = {entry["name"]: entry for entry in listing["parameters"]}
    assert set(named) == {"X-Workspace", "limit", "cursor", "sort", "active"}
    assert named["limit"]["schema"]["maximum"] == 200
    assert named["active"]["schema"]["enum"] == ["true", "false"]
    setting = made["paths"]["/api/v1/throttles"]["post"]
    assert "Idempotency-Key" in {entry["name"] for entry in setting["parameters"]}
    assert setting["operationId"] == "throttles_create"
    lifting = made["paths"]["/api/v1/throttles/{uid}/lift"]["post"]
    assert lifting["operationId"] == "throttles_lift"
    assert "If-Match" in {entry["name"] for entry in lifting["parameters"]}
    assert "412" in lifting["responses"]
    detail = made["paths"]["/api/v1/throttles/{uid}"]["get"]
    assert "ETag" in detail["responses"]["200"]["headers"]
    assert "304" in detail["responses"]
    schemes = {"bearer", "session", "sdkToken", "oauthClient"}
    assert set(made["components"]["securitySchemes"]) == schemes


def test_forms_of_one_name__are_told_apart_by_their_package() -> None:
    def form(name: str, module: str) -> Any:
        return type(name, (StrictSerializer,), {"__module__": module})

    forms = [form("Thing9", "controlplane.jobs.api"), form("Thing9", "missions.api")]
    assert [unique_name(kind) for kind in forms] == ["JobsThing9", "MissionsThing9"]
    alone = [form("Other9", "controlplane.jobs.api"), form("Other9", "tests.kit.sample_api")]
    assert unique_name(alone[0]) == "Other9"


# --- the frozen copy ----------------------------------------------------------------------------


def test_frozen_copy__is_current_and_nothing_was_taken_away() -> None:
    call_command("api_schema", stdout=io.StringIO())


def test_frozen_copy__only_grows(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, made: Any) -> None:
    few = {path: made["paths"][path] for path in sorted(made["paths"]) if "throttles" in path}
    made["paths"] = few
    monkeypatch.setattr(api_schema, "document", lambda: made)
    monkeypatch.setattr(api_schema, "FROZEN", tmp_path / "openapi.json")
    call_command("api_schema", write=True, stdout=io.StringIO())
    call_command("api_schema", stdout=io.StringIO())
    older = copy.deepcopy(made)
    del older["paths"]["/api/v1/throttles"]
    api_schema.FROZEN.write_text(json.dumps(older))
    with pytest.raises(CommandError, match="not current"):
        call_command("api_schema", stdout=io.StringIO())
    older["paths"]["/api/v1/gone"] = made["paths"]["/api/v1/throttles"]
    api_schema.FROZEN.write_text(json.dumps(older))
    with pytest.raises(CommandError, match="GET /api/v1/gone is gone"):
        call_command("api_schema", write=True, stdout=io.StringIO())
    call_command("api_schema", write=True, breaking=True, stdout=io.StringIO())


def _without_path(new: Any) -> None:
    del new["paths"]["/api/v1/throttles/{uid}"]


def _without_method(new: Any) -> None:
    del new["paths"]["/api/v1/throttles"]["post"]


def _without_parameter(new: Any) -> None:
    parameters = new["paths"]["/api/v1/throttles"]["get"]["parameters"]
    parameters[:] = [entry for entry in parameters if entry["name"] != "active"]


def _with_required_parameter(new: Any) -> None:
    parameters = new["paths"]["/api/v1/throttles"]["get"]["parameters"]
    parameters.append({"name": "x", "in": "query", "required": True, "schema": {}})


def _without_sort(new: Any) -> None:
    for entry in new["paths"]["/api/v1/throttles"]["get"]["parameters"]:
        if entry["name"] == "sort":
            entry["schema"]["enum"] = ["oldest"]


def _without_answer_field(new: Any) -> None:
    del new["components"]["schemas"]["Throttle"]["properties"]["reason"]


def _with_other_type(new: Any) -> None:
    new["components"]["schemas"]["Throttle"]["properties"]["limit"]["type"] = "string"


def _without_input_field(new: Any) -> None:
    del new["components"]["schemas"]["ThrottleInput"]["properties"]["path"]


def _with_required_input(new: Any) -> None:
    new["components"]["schemas"]["ThrottleInput"]["required"].append("path")


def _with_other_name(new: Any) -> None:
    new["paths"]["/api/v1/throttles"]["get"]["operationId"] = "other"


def _without_success(new: Any) -> None:
    answers = new["paths"]["/api/v1/throttles"]["post"]["responses"]
    answers["200"] = answers.pop("201")


TAKEN = [
    _without_path,
    _without_method,
    _without_parameter,
    _with_required_parameter,
    _without_sort,
    _without_answer_field,
    _with_other_type,
    _without_input_field,
    _with_required_input,
    _with_other_name,
    _without_success,
]


def test_compatibility__notices_what_is_taken_away(made: Any) -> None:
    for change in TAKEN:
        newer = json.loads(text())
        change(newer)
        assert removals(made, newer), change.__name__


def test_compatibility__allows_additions(made: Any) -> None:
    newer = copy.deepcopy(made)
    newer["paths"]["/api/v1/new"] = newer["paths"]["/api/v1/throttles"]
    schemas = newer["components"]["schemas"]
    schemas["Throttle"]["properties"]["extra"] = {"type": "string"}
    schemas["ThrottleInput"]["properties"]["extra"] = {"type": "string"}
    parameters = newer["paths"]["/api/v1/throttles"]["get"]["parameters"]
    parameters.append({"name": "extra", "in": "query", "schema": {"type": "string"}})
    assert removals(made, newer) == []
    assert removals(newer, made) != []


# --- served -------------------------------------------------------------------------------------


def test_schema_route__is_for_callers_of_any_role() -> None:
    refused(Api().get("/api/schema/"), "UNAUTHORIZED")
    api = Api(make.key(make.agent(make.workspace()))[1])
    response = api.get("/api/schema/")
    assert response["Content-Type"] == "application/vnd.oai.openapi+json"
    assert response.json()["openapi"].startswith("3.")
    again = api.get("/api/schema/", **{"If-None-Match": response["ETag"]})
    assert again.status_code == 304


def test_docs_page__asks_strangers_to_sign_in() -> None:
    response = Api().get("/api/docs/")
    assert response.status_code == 302
    assert "next=/api/docs/" in response["Location"]


def test_docs_page__shows_every_operation_and_brings_nothing_inline() -> None:
    browser = make.client(make.person(make.workspace(), "viewer"))
    response = browser.get("/api/docs/")
    page = response.content.decode()
    for path, _, operation in operations(documents.document()):
        assert f'id="{operation["operationId"]}"' in page, path
    assert "<script" not in page
    assert "style=" not in page
    assert "<style" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "default-src 'self'" in response["Content-Security-Policy"]
    # Code is drawn as code and the rest escaped.
    shown = re.sub(r"<pre.*?</pre>", "", page, flags=re.S)
    assert "`" not in shown
    assert "<code>catalog.view</code>" in shown
    assert documents.worded("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"


def test_document__names_no_method_that_is_not_answered(made: Any) -> None:
    """A route that acts on a row inherits how to read one; it must not be documented with it."""
    declared = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path), method)
        for route in checks.routes()
        if route.view is not None
        for method in route.view.actions
    }
    extra = {(path, method.upper()) for path, method, _ in operations(made)} - declared
    assert not extra
