"""Where pipelines report."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.plain import plain_view
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import NoInput, StrictSerializer
from controlplane.base.api.views import ANYONE
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid
from controlplane.lib.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER
from deployments.ci.receiving import receive

MAX_REPORT = define(
    "deployments.max_report_bytes",
    2 * 1024 * 1024,
    unit="bytes",
    why="A result and the end of a log; whole logs stay at the pipeline.",
)
EXAMPLE = {
    "repository": "example/portal",
    "name": "test-agent",
    "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    "status": "completed",
    "conclusion": "success",
    "url": "https://ci.example.org/runs/7",
    "completed_at": "2025-10-16T08:31:00Z",
}


class ReportSchema(PortalSchema):
    """The body is read as it was signed."""

    def get_request_serializer(self) -> Any:
        return None

    def _get_request_body(self, direction: Any = "request") -> Any:
        form = {"type": "object", "additionalProperties": True}
        content = {"application/json": {"schema": form, "example": EXAMPLE}}
        return {"content": content, "required": True}

    def _own_parameters(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
            for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER)
        ]


class ReportAnswer(StrictSerializer):
    outcome = serializers.CharField()
    repeated = serializers.BooleanField()


@plain_view(
    actions={"POST": ANYONE},
    inputs={"POST": NoInput},
    outputs={"POST": ReportAnswer},
    in_workspace=False,
    max_body=MAX_REPORT.shipped,
    tags=["deployments"],
    errors=(401,),
)
def ci_results(request: HttpRequest) -> Any:
    """Where any CI reports what a check found, or how a step that it was given ended

    Signed with the secret of the repository, over time and body, by the headers
    `X-Controlplane-Timestamp` and `X-Controlplane-Signature`. Fields: `repository`,
    `name`, `sha`, `status`, `conclusion`, `url`, `branch`, `id`, `started_at`, `completed_at`,
    `delivery`; for a step `step`, `attempt` and `output`. A report is heard once; older
    news changes nothing.
    """
    _signed(request)
    body = bodies.read(request, MAX_REPORT.value)
    bodies.check_json(request.META.get("CONTENT_TYPE", ""))
    done = receive(body, dict(request.headers))
    return done._asdict()


def _signed(request: HttpRequest) -> None:
    """What carries no signature at all was never meant for here: no secret is tried on it."""
    for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER):
        if not request.headers.get(name):
            raise Invalid("This is no report of a pipeline's.", details={name: "Missing."})


ci_results.cls.schema = ReportSchema()  # type: ignore[attr-defined]
