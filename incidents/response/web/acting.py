"""Do something against an incident: by one button with a reason, or by a form of its kind."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.catalog.models import Integration
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments.flags.models import Flag
from deployments.models import Deployment
from incidents import links
from incidents.models import Action, Incident
from incidents.response import acting, running_steps
from incidents.response.kinds import KINDS, Kind
from incidents.web.common import incident_of, page, show, told
from missions.models import Mission

_MOST = 300
_DO = "incident.mitigate"


class LinesField(forms.CharField):
    """Names and values, one pair a line."""

    def clean(self, value: Any) -> Any:
        found = {}
        for one in str(super().clean(value) or "").splitlines():
            name, sign, said = one.partition(":")
            if one.strip() and not (sign and name.strip()):
                raise forms.ValidationError(f"{one.strip()[:40]}: a name, a colon, a value.")
            if one.strip():
                found[name.strip()] = said.strip()
        return found


class ActForm(forms.Form):
    """What one kind of action asks for, with the targets that there are."""

    def __init__(self, data: Any, row: Incident, kind: Kind) -> None:
        super().__init__(data, label_suffix="", initial={"reason": ""})
        build = getattr(self, f"_{kind.slug}")
        for name, field in {**build(row), "reason": _reason()}.items():
            self.fields[name] = field

    def given(self) -> tuple[str, str, dict[str, Any]]:
        found = dict(self.cleaned_data)
        return str(found.pop("target", "")), str(found.pop("reason")), found

    @staticmethod
    def _flag_off(row: Incident) -> dict[str, forms.Field]:
        rows = Flag.objects.of(row.workspace_id).filter(enabled=True).order_by("flag_name")
        return {"target": _choice("Flag", list(rows.values_list("flag_name", flat=True)[:_MOST]))}

    @staticmethod
    def _pause_missions(row: Incident) -> dict[str, forms.Field]:
        at_work = Mission.objects.of(row.workspace_id).filter(status="active")
        types = sorted(set(at_work.exclude(mission_type="").values_list("mission_type", flat=True)))
        tools = Integration.objects.filter(workspace=row.workspace_id, kind="toolkit")
        known = [("all", "All missions at work")]
        known += [(f"type:{each}", f"Of the type {each}") for each in types]
        known += [(f"toolkit:{each.slug}", f"That use {each.name}") for each in tools[:_MOST]]
        return {"target": forms.ChoiceField(label="Which", choices=known)}

    @staticmethod
    def _trip_breaker(row: Incident) -> dict[str, forms.Field]:
        rows = Integration.objects.filter(workspace=row.workspace_id, is_active=True)
        known = [(each.slug, f"{each.name}: {each.get_status_display().lower()}")
                 for each in rows.order_by("name")[:_MOST]]  # fmt: skip
        return {
            "target": forms.ChoiceField(label="Integration", choices=known),
            "minutes": forms.IntegerField(
                label="Let one try after, minutes", min_value=1, max_value=7 * 24 * 60,
                required=False, help_text="Empty: it stays open until somebody closes it.",
            ),
        }  # fmt: skip

    @staticmethod
    def _rate_limit(row: Incident) -> dict[str, forms.Field]:
        agents = list(_agents(row))
        return {
            "target": forms.CharField(
                label="Path", max_length=200, required=False,
                help_text="As /api/v1/threads*. Empty: every path.",
            ),
            "agent": forms.ChoiceField(
                label="Whom", required=False,
                choices=[("", "Everybody"), *((name, name) for name in agents)],
            ),
            "limit": forms.IntegerField(label="Requests", min_value=0, max_value=1_000_000),
            "period_s": forms.IntegerField(
                label="In so many seconds", min_value=1, max_value=3_600, initial=60
            ),
            "minutes": forms.IntegerField(
                label="It ends after, minutes", min_value=1, max_value=7 * 24 * 60, initial=60
            ),
            "shared": forms.BooleanField(label="Counted for all together", required=False),
        }  # fmt: skip

    @staticmethod
    def _rollback(row: Incident) -> dict[str, forms.Field]:
        return {"target": _deployments(row, "Deployment")}

    @staticmethod
    def _wake_agent(row: Incident) -> dict[str, forms.Field]:
        return {
            "target": _choice("Agent", list(_agents(row))),
            "prompt": forms.CharField(
                label="What it is asked", max_length=2_000, required=False,
                widget=forms.Textarea(attrs={"rows": 3}),
                help_text="What is known of the incident is told, too.",
            ),
        }  # fmt: skip

    @staticmethod
    def _block_item(row: Incident) -> dict[str, forms.Field]:
        return {
            "target": forms.CharField(
                label="Which", max_length=200,
                help_text="The key of an item, or a deployment as DEP-12, which means its item."
                f" It waits until the item of {row.ref} is closed.",
            )
        }  # fmt: skip

    @staticmethod
    def _runbook_step(row: Incident) -> dict[str, forms.Field]:
        return {
            "target": forms.ChoiceField(label="Step", choices=running_steps.offered(row)),
            "values": LinesField(
                label="What it asks for", required=False, max_length=2_000,
                widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
                help_text="One a line, as flag: new-planner. The service is the incident's.",
            ),
        }  # fmt: skip

    @staticmethod
    def _scale(row: Incident) -> dict[str, forms.Field]:
        return {
            "target": forms.CharField(label="What was added", max_length=200),
            "command": forms.CharField(
                label="By which command", max_length=1_000, required=False,
                help_text="It is only noted here; the portal runs nothing.",
            ),
        }  # fmt: skip

    @staticmethod
    def _fix(row: Incident) -> dict[str, forms.Field]:
        return {"target": _deployments(row, "Deployment or hotfix")}


def _reason() -> forms.CharField:
    return forms.CharField(
        label="Why", max_length=500, widget=forms.TextInput(),
        help_text="It stands on the timeline, and at the target.",
    )  # fmt: skip


def _choice(label: str, names: list[str]) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[(name, name) for name in names])


def _agents(row: Incident) -> Any:
    rows = Agent.objects.filter(workspace=row.workspace_id, is_active=True, kind="agent")
    return rows.order_by("name").values_list("name", flat=True)[:_MOST]


def _deployments(row: Incident, label: str) -> forms.ChoiceField:
    rows = Deployment.objects.of(row.workspace_id).filter(started_at__isnull=False)
    known = [(each.ref, f"{each.ref} {each.release} in {each.environment.name}")
             for each in rows.select_related("environment").order_by("-pk")[:30]]  # fmt: skip
    return forms.ChoiceField(label=label, choices=known)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def act(request: HttpRequest, uid: uuid.UUID, kind: str) -> HttpResponse:
    row, actor = incident_of(request, uid), actor_of(request)
    policy.require(actor, _DO, row)
    found = KINDS.get(kind)
    if found is None:
        raise NotFound("There is no such action.")
    data = request.POST if request.method == "POST" else None
    form = ActForm(data, row, found)
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            target, reason, given = form.given()
            try:
                done = acting.act(row, kind, target, actor=actor, reason=reason, given=given)
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                return _back(request, row, done)
    context = {
        "title": found.label, "row": row, "form": form, "kind": found, "kinds": KINDS.values(),
    }  # fmt: skip
    return show(request, "act.html", context, status=status)


@require_POST
@page
@told
def do(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """One click with a reason: the button says what and to what."""
    row = incident_of(request, uid)
    kind, _, target = request.POST.get("do", "").partition("|")
    if kind not in KINDS:
        raise NotFound("There is no such action.")
    reason = request.POST.get("reason", "").strip() or f"To mitigate {row.ref}."
    done = acting.act(row, kind, target, actor=actor_of(request), reason=reason)
    return _back(request, row, done)


@require_POST
@page
@told
def undo(request: HttpRequest, uid: uuid.UUID, action: uuid.UUID) -> HttpResponse:
    row = incident_of(request, uid)
    found = row.actions.select_related("incident").filter(uid=action).first()
    if found is None:
        raise NotFound("No such action.")
    reason = request.POST.get("reason", "").strip() or f"{row.ref} is over."
    done = acting.take_back(found, actor=actor_of(request), reason=reason)
    return _back(request, row, done)


def _back(request: HttpRequest, row: Incident, done: Action) -> HttpResponse:
    if done.status == Action.Status.DONE:
        messages.success(request, done.result)
    elif done.status in {Action.Status.REFUSED, Action.Status.FAILED}:
        messages.error(request, f"{done.get_status_display()}: {done.result}")
    else:
        messages.info(request, "It is under way.")
    return HttpResponseRedirect(links.page_of(row))
