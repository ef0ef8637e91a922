"""Running copies that tell impossible things of themselves."""

from __future__ import annotations

import pytest
from django.db import connection

from controlplane.lib import clock
from deployments.flags.models import SdkInstance
from deployments.flags.serving import counting
from tests import make
from tests.kit.sdk import Sdk

pytestmark = pytest.mark.django_db
FAR = "9999-12-31T23:59:59-14:00"  # the year 10000 in UTC


def test_started__years_off_is_not_kept() -> None:
    ws = make.workspace()
    sdk = Sdk(ws)
    for number, started in enumerate((FAR, "0001-01-01T00:00:00+14:00", clock.now().isoformat())):
        told = {"appName": "x", "instanceId": str(number), "started": started}
        assert sdk.post("/unleash/api/client/register", told).status_code == 202
    counting.flush()
    kept = SdkInstance.objects.order_by("instance").values_list("started_at", flat=True)
    assert [each is None for each in kept] == [True, True, False]


def test_row_no_date_can_hold__leaves_page_and_list_whole() -> None:
    ws = make.workspace()
    sdk = Sdk(ws)
    sdk.post("/unleash/api/client/register", {"appName": "x", "instanceId": "i"})
    counting.flush()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE feature_flags_sdkinstance SET started_at = %s", [FAR])
    browser = make.client(make.person(ws, "workspace_admin"))
    listed = browser.get("/api/v1/flag-instances")
    assert listed.status_code == 200, listed.content
    assert listed.json()["items"][0]["started_at"] is None
    page = browser.get(f"/admin/feature_flags/sdktoken/{sdk.issued.token.pk}/change/")
    assert page.status_code == 200
