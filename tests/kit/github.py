"""A repository that is listened to, and what GitHub delivers of it."""

from __future__ import annotations

import hashlib
import hmac
import json
from itertools import count
from typing import Any

from controlplane.access.models import Workspace
from controlplane.work.models import Item
from controlplane.work.services import github
from tests import make
from tests.kit import work
from tests.kit.api import Api

HOOK = "/api/v1/hooks/github"
SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
_numbers = count(1)


class Repository:
    """A repository whose webhooks are believed, and GitHub's side of it."""

    def __init__(self, workspace: Workspace | None = None, name: str = "example/portal") -> None:
        self.workspace = workspace or make.workspace()
        self.project = work.project(self.workspace)
        self.actor = work.worker(self.workspace)
        self.name = name
        made = github.add_source(self.project, actor=self.actor, repository=name)
        self.source, self.secret = made

    def deliver(self, event: str, payload: dict[str, Any], **given: str) -> Any:
        body = json.dumps({"repository": {"full_name": self.name}, **payload}).encode()
        return send(event, body, given.pop("secret", self.secret), **given)

    def check(self, conclusion: str = "success", **given: Any) -> Any:
        run = {
            "id": 1,
            "name": "tests",
            "head_sha": SHA,
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion or None,
            "html_url": "https://github.com/example/portal/runs/1",
            "started_at": "2026-03-01T08:00:00Z",
            "completed_at": "2026-03-01T08:10:00Z" if conclusion else None,
            "check_suite": {"head_branch": "bd-a1f-login"},
            "pull_requests": [],
            **given,
        }
        return self.deliver("check_run", {"action": "completed", "check_run": run})

    def item(self, key: str = "bd-a1f", **given: Any) -> Item:
        return work.item(self.project, given.pop("title", "Login"), key=key, **given)


def send(event: str, body: bytes, secret: str, delivery: str = "", **headers: str) -> Any:
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    sent = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or f"d-{next(_numbers)}",
        "X-Hub-Signature-256": f"sha256={signed}",
        **headers,
    }
    return Api().raw("POST", HOOK, body, **sent)


def texts(item: Item) -> list[str]:
    return [row.text for row in item.comments.order_by("id")]


def run(number: int, conclusion: str, at: str = "2026-03-01T08:10:00Z") -> dict[str, Any]:
    return {
        "workflow_run": {
            "id": number,
            "name": "CI",
            "head_sha": SHA,
            "status": "completed",
            "conclusion": conclusion,
            "updated_at": at,
        }
    }
