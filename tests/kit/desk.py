"""Who asks and who answers on the review desk, and what they see there."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from controlplane.approvals.models import Request
from tests import make
from tests.kit import approvals

INBOX = "/desk/"


class Scene:
    """A partner who only signs, an operator who signs too, and the policy that asks the partner."""

    def __init__(self) -> None:
        self.here = make.workspace(name="Northwind")
        self.pia = make.person(self.here, "product_partner", name="Pia Noor")
        self.rita = make.person(self.here, "release_manager", name="Rita Lund")
        self.policy = approvals.policy(
            self.here,
            approvals.slot("partner", "product_partner"),
            approvals.slot("release", "release_manager"),
            slug="partner",
        )


def ask(scene: Scene, **given: Any) -> Request:
    return approvals.ask(scene.here, policy=scene.policy, **given)


def url_of(request: Request, page: str = "packet", *more: str) -> str:
    return reverse(f"desk:{page}", args=(request.uid, *more))


def read(browser: Client, url: str, status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status, (url, answer.status_code, answer.content[:2000])
    return main_of(answer.content.decode())


def main_of(page: str) -> str:
    return page.split("<main", 1)[1].split("</main>", 1)[0]


def answer(browser: Client, request: Request, verdict: str, **given: Any) -> HttpResponse:
    data = {"verdict": verdict, "sha256": request.sha256, **given}
    return browser.post(url_of(request), data)  # type: ignore[return-value]
