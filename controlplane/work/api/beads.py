"""`POST /api/v1/work/bd`: one request for one command of `bd`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from controlplane.audit.services import record_denied
from controlplane.base.api import bodies
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictSerializer, json_fault, read
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.work.beads import ops, table

__all__ = ["bd", "ops"]

MAX_COMMAND = define(
    "work.max_command_bytes",
    4 * 1024 * 1024,
    unit="bytes",
    why="A command carries texts of up to a million characters and lists of edges read from files.",
)


class CommandArguments(serializers.JSONField):
    """What the command was given, under the flags' long names with `_` for `-`."""

    max_bytes = MAX_COMMAND.value


class BeadsCommand(StrictSerializer):
    """A command: its words joined by `_`, where, for whom, and what it was given.

    `as` is the name the tool acts for and `owner` the e-mail of its git; the audit log keeps the
    account of the credentials.
    """

    op = serializers.CharField(max_length=60)
    project = serializers.CharField(max_length=60, default="", allow_blank=True)
    sandbox = serializers.CharField(max_length=200, default="", allow_blank=True)
    owner = serializers.CharField(max_length=200, default="", allow_blank=True)
    args = CommandArguments(default=dict)

    def get_fields(self) -> dict[str, Any]:
        named = {"as": serializers.CharField(max_length=200, default="", allow_blank=True)}
        return super().get_fields() | named


class BeadsAnswer(StrictSerializer):
    """What `bd --json` prints, and lines for its standard error."""

    result = serializers.JSONField()
    notes = serializers.ListField(child=serializers.CharField())
    failed = serializers.BooleanField(required=False)
    export = serializers.BooleanField(
        required=False, help_text="The project keeps a copy on disk: export it after this change."
    )


@plain_view(
    actions={"POST": "work.view"},
    inputs={"POST": BeadsCommand},
    outputs={"POST": BeadsAnswer},
    max_body=MAX_COMMAND.value,
    idempotent=True,
    throttle="hot",
    tags=["work"],
)
def bd(request: HttpRequest) -> Any:
    """One command of `bd`

    Reading needs `work.view`; what a command changes asks for its own right.
    """
    body = bodies.read_json(request, MAX_COMMAND.value)
    call = table.perform(
        asked(body),
        workspace=request.workspace,  # type: ignore[attr-defined]
        actor=request.actor,  # type: ignore[attr-defined]
    )
    for error in call.refused:
        if isinstance(error, NotAllowed):
            record_denied(error)
    answer: dict[str, Any] = {"result": call.result, "notes": call.notes}
    if call.failed:
        answer["failed"] = True
    if table.keeps_export(call):
        answer["export"] = True
    return answer


def _name_the_flag(body: Any) -> None:
    """All flags came in one field: whoever typed them is told which is wrong."""
    args = body.get("args") if isinstance(body, dict) else None
    for name, value in args.items() if isinstance(args, dict) else ():
        sentence = json_fault(value, CommandArguments())
        if sentence:
            shown = "--" + str(name)[:60].replace("_", "-")
            raise Invalid(f"{shown}: {sentence}", details={str(name)[:60]: sentence})


def asked(body: Any) -> table.Asked:
    try:
        given = read(BeadsCommand, body)
    except serializers.ValidationError:
        _name_the_flag(body)
        raise
    args = given["args"]
    if not isinstance(args, dict):
        raise Invalid("args is an object.", details={"args": "Must be an object."})
    return table.Asked(
        op=given["op"],
        project=given["project"],
        sandbox=given["sandbox"],
        name=given["as"],
        owner=given["owner"],
        args=args,
    )
