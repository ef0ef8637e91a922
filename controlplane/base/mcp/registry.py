"""What is offered at `/mcp`: tools and resources, added by the packages that have them.

server.add(Tool(
    name="post_message", title="Post a message", description="…",
    action="thread.post", run=post, input=MessageNew, output=MessagePosted,
))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from django.http import HttpRequest

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.tokens import IDENTITY
from controlplane.base.api import workspaces
from controlplane.base.api.auth import SIGNED_IN
from controlplane.base.api.rows import Form
from controlplane.base.api.serializers import read
from controlplane.base.mcp import schemas
from controlplane.lib import context
from controlplane.lib.actors import Actor

Schema = Mapping[str, Any]


class Call:
    """Who asks, and where."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor: Actor = request.actor  # type: ignore[attr-defined]
        self.session = ""  # of the caller, where the message names one

    @cached_property
    def workspace(self) -> Workspace:
        """The one it is about: the caller's only one, or the one that `X-Workspace` names."""
        chosen = workspaces.choose(self.request, self.actor)
        self.request.workspace = chosen  # type: ignore[attr-defined]
        context.note(workspace=chosen.slug)
        return chosen


@dataclass(frozen=True, slots=True)
class Content:
    """An answer in MCP's own blocks, for what is no data: a text, a picture."""

    blocks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that is awaited in the loop of the stream process, as JSON. Meanwhile no thread
    is kept for it, and it is given up when the client hangs up."""

    answer: Callable[[], Coroutine[Any, Any, bytes]]


@dataclass(frozen=True)
class Tool:
    """`run` gets the call and its arguments and answers with data, with JSON that was made
    already (bytes), with `Content`, or `Later`. It refuses as services do."""

    name: str
    title: str
    description: str
    run: Callable[[Call, dict[str, Any]], Any]
    action: str = SIGNED_IN
    # A form reads the arguments, and its schema is shown; a schema is only shown.
    input: Form | Schema = field(default_factory=lambda: {"type": "object"})
    output: Form | Schema | None = None
    raw: bool = False  # `run` reads the arguments itself: a form would cost more than the work
    reads: bool = False
    destructive: bool = False
    idempotent: bool = False
    throttle: str = "write"
    # Arguments that name the sender, and may not contradict the credentials.
    sender_fields: Collection[str] = IDENTITY

    def allowed(self, actor: Actor) -> bool:
        return self.action == SIGNED_IN or bool(policy.can(actor, self.action))

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if self.raw or isinstance(self.input, Mapping):
            return dict(given)
        return read(self.input, dict(given))

    @cached_property
    def shown(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": _schema(self.input, "input"),
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.reads,
                "destructiveHint": self.destructive,
                "idempotentHint": self.idempotent or self.reads,
                "openWorldHint": False,
            },
        }
        if self.output is not None:
            told["outputSchema"] = _schema(self.output, "output")
        return told


def _schema(given: Form | Schema, way: str) -> Schema:
    if isinstance(given, Mapping):
        return given
    return schemas.taken(given) if way == "input" else schemas.answered(given)


class Watch(Protocol):
    """Resources that somebody listens to, from `open` to `close`, both in the loop of streams."""

    def open(self, tell: Callable[[str], None], doubt: Callable[[], None]) -> None:
        """Begin to tell of what changes, and to say when it is in doubt whether the caller may
        still listen. Both may be called from any thread."""

    def close(self) -> None: ...

    async def still(self) -> None:
        """Asked every few seconds and in doubt; raises when the caller may listen no more."""

    async def news(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Asked when something was told: resources of which more is said than that they changed,
        and what, as `_meta` of the notification."""


class Resources(Protocol):
    """The resources of a package, by the scheme of their URIs."""

    schemes: Collection[str]
    templates: Sequence[Mapping[str, Any]]

    def listed(self, call: Call) -> Sequence[Mapping[str, Any]]: ...
    def read(self, call: Call, uri: str) -> Mapping[str, Any] | None:
        """Its contents; None where there is nothing that the caller may see."""

    def watch(self, call: Call, uris: Sequence[str]) -> tuple[list[str], Watch]:
        """Those of them that the caller may listen to."""


@dataclass
class Server:
    name: str = "controlplane"
    title: str = "Control plane"
    instructions: str = ""
    tools: dict[str, Tool] = field(default_factory=dict)
    resources: list[Resources] = field(default_factory=list)

    def add(self, *tools: Tool) -> None:
        for tool in tools:
            if self.tools.setdefault(tool.name, tool) is not tool:
                raise ValueError(f"two tools are called {tool.name}")

    def offer(self, resources: Resources) -> None:
        self.resources.append(resources)

    def of(self, uri: str) -> Resources | None:
        scheme = uri.partition("://")[0]
        return next((each for each in self.resources if scheme in each.schemes), None)


server = Server()
