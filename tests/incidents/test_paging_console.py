"""Policies, escalations, calls and drills in the console."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import Invalid
from incidents.models import EscalationPolicy, EscalationRun, Page
from incidents.paging import drilling, lines, policies
from tests import make
from tests.kit import settled
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def _page(obj: object) -> str:
    meta = obj._meta  # type: ignore[attr-defined]
    return f"/admin/{meta.app_label}/{meta.model_name}/{obj.uid}/change/"  # type: ignore[attr-defined]


def test_policy_page__draws_the_ladder_with_whom_it_would_call(room: Watchroom) -> None:
    policies.adopt()
    row = EscalationPolicy.objects.get(workspace=None, slug="sev1")
    answer = make.client(room.admin).get(_page(row))
    text = answer.content.decode()
    assert answer.status_code == 200
    for said in ("Primary operator", "Engineering lead", "at once", "after 60 min",
                 "Nobody is on duty as Product VP"):  # fmt: skip
        assert said in text
    assert make.client(room.admin).get(f"{_page(row)}?at=2026-12-24T18:00").status_code == 200
    assert make.client(room.admin).get(f"{_page(row)}?at=nonsense").status_code == 200


def test_policy__is_made_in_lines_and_refused_by_line(room: Watchroom) -> None:
    browser = make.client(room.admin)
    form = {"slug": "ours", "title": "Ours", "about": "", "repeats": "1",
            "ladder": "5 min: role primary_operator\n1 h: role vp_engineering, role cto",
            "last": "role workspace_admin"}  # fmt: skip
    answer = browser.post("/admin/incidents/escalationpolicy/add/", form)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    made = EscalationPolicy.objects.select_related("current").get(workspace=room.workspace)
    assert made.current is not None
    assert [step["wait_s"] for step in made.current.steps] == [300, 3600]
    wrong = browser.post("/admin/incidents/escalationpolicy/add/", {**form, "slug": "x",
                         "ladder": "soon: somebody"})  # fmt: skip
    assert wrong.status_code == 200
    assert "Line 1" in wrong.content.decode()


def test_lines__are_read_as_they_are_written() -> None:
    steps = [{"wait_s": 90, "targets": [{"kind": "role", "ref": "cto"}]},
             {"wait_s": 3600, "targets": [{"kind": "contact", "ref": "data_lead"}]}]  # fmt: skip
    assert lines.read_steps(lines.write_steps(steps)) == steps
    for wrong in ("5: role cto", "5 min role cto", "5 min: cto"):
        with pytest.raises(Invalid):
            lines.read_steps(wrong)


def test_runs_calls_and_drills__have_pages(room: Watchroom) -> None:
    incident = room.incident("sev1")
    drill = drilling.begin_drill(room.workspace, actor=room.by(room.primary))
    room.tick()
    browser = make.client(room.primary)
    run = EscalationRun.objects.get(incident=incident)
    call = Page.objects.filter(incident=incident).earliest("pk")
    for obj in (run, call, drill):
        answer = browser.get(_page(obj))
        assert answer.status_code == 200, obj
    assert "Engineering lead" in browser.get(_page(run)).content.decode()
    for model in ("escalationpolicy", "escalationrun", "page", "drill"):
        assert browser.get(f"/admin/incidents/{model}/?view=all").status_code == 200, model


def test_strangers__see_none_of_it(room: Watchroom) -> None:
    incident = room.incident("sev1")
    room.tick()
    run = EscalationRun.objects.get(incident=incident)
    other = Watchroom()
    assert make.client(other.admin).get(_page(run)).status_code in {302, 404}
    viewer = make.client(room.primary)
    policies.adopt()
    row = EscalationPolicy.objects.get(workspace=None, slug="sev1")
    assert viewer.post(f"{_page(row)}", {"title": "Mine"}).status_code in {403, 405}
