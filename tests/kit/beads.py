"""`bd`'s commands, asked of the API as its client asks them."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Workspace
from tests import make
from tests.kit.api import Api

PATH = "/api/v1/work/bd"


class Bd:
    """A caller of commands. Calling it gives the result, `ask` the whole answer."""

    def __init__(self, api: Api, **where: str) -> None:
        self.api, self.where = api, where
        self.notes: list[str] = []
        self.failed = False

    def ask(self, op: str, **args: Any) -> Any:
        return self.api.post(PATH, {"op": op, **self.where, "args": args})

    def __call__(self, op: str, **args: Any) -> Any:
        response = self.ask(op, **args)
        assert response.status_code == 200, response.content
        body = response.json()
        self.notes, self.failed = body["notes"], body.get("failed", False)
        return body["result"]

    def error(self, op: str, **args: Any) -> str:
        """The message of a refusal."""
        response = self.ask(op, **args)
        assert response.status_code >= 400, response.content
        message: str = response.json()["error"]["message"]
        return message

    def show(self, key: str) -> dict[str, Any]:
        row: dict[str, Any] = self("show", ids=[key])[0]
        return row

    def make(self, title: str = "Look into it", **args: Any) -> str:
        key: str = self("create", title=title, **args)["id"]
        return key

    def ready(self, **args: Any) -> list[str]:
        return [row["id"] for row in self("ready", **args)]

    def list(self, **args: Any) -> list[str]:
        return [row["id"] for row in self("list", **args)]

    def named(self, **where: str) -> Bd:
        """The same caller, elsewhere or for somebody."""
        return Bd(self.api, **(self.where | where))


def agent(workspace: Workspace, *, role: str = "executor", **key: Any) -> Bd:
    return Bd(Api(make.key(make.agent(workspace, role=role), **key)[1]), owner="kim@example.org")


def person(workspace: Workspace, role: str) -> Bd:
    return Bd(Api(browser=make.client(make.person(workspace, role))), owner="kim@example.org")
