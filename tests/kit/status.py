"""A workspace with a public status page, and its readers."""

from __future__ import annotations

import json
import time
from typing import Any

from django.test import Client

from controlplane.catalog.models import Component, Service
from controlplane.lib import clock
from incidents.models import Incident, StatusDocument, StatusSubscriber
from incidents.response import updates
from incidents.status import services, serving, writing
from tests import make
from tests.kit import catalog as entries
from tests.kit.incidents import Watchroom


class Public:
    """A workspace with an open page, and one public component."""

    def __init__(self, slug: str = "acme", **given: Any) -> None:
        self.room = Watchroom()
        self.workspace = self.room.workspace
        values = {"slug": slug, "title": "Acme works", "is_open": True, **given}
        self.page = services.create_page(self.workspace, actor=make.JOB, **values)

    def service(self, name: str = "Checkout") -> Service:
        row = entries.service(self.workspace, name=name)
        Component.objects.create(
            workspace=self.workspace, service=row, slug=name.lower(), name=name, is_public=True
        )
        return row

    def told(self, row: Incident, text: str = "We look at it.", **given: Any) -> Any:
        return updates.post_update(
            row, actor=make.JOB, text=text, audience="customers", kind="initial",
            subject="Orders fail", **given,
        )  # fmt: skip

    def write(self) -> StatusDocument:
        writing.work(time.monotonic() + 30)
        serving.forget()
        return StatusDocument.objects.get(page=self.page)

    def read(self, rest: str = "", status: int = 200) -> str:
        answer = Client().get(f"/status/{self.page.slug}/{rest}")
        assert answer.status_code == status, answer.content[:300]
        return answer.content.decode()

    def json(self, name: str = "summary") -> Any:
        return json.loads(self.read(f"api/v2/{name}.json"))


def subscribe(here: Public, email: str = "ann@example.com") -> Any:
    return Client(enforce_csrf_checks=True).post(
        f"/status/{here.page.slug}/subscribe", {"email": email}
    )


def readers(here: Public, many: int) -> list[StatusSubscriber]:
    at = clock.now()
    return StatusSubscriber.objects.bulk_create(
        StatusSubscriber(page=here.page, email=f"reader{each}@example.com", confirmed_at=at)
        for each in range(many)
    )
