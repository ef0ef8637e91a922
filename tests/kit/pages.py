"""Every page of the console, from the URL resolver itself, so that a new one is walked by itself
or must be named here with the reason why it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLResolver

from controlplane.access.models import AccessReview, Agent, ApiKey, Membership
from controlplane.approvals.models import Request
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import buttons_of
from controlplane.lib import clock
from controlplane.notify.models import InboxItem
from controlplane.oncall.models import Schedule
from controlplane.work.models import Item
from deployments.flags.models import Flag, Segment
from deployments.models import Deployment, Launch, MaintenanceWindow, Rollout
from incidents.models import AlertSource, Holiday, Incident, IncidentReview, Runbook, Ticket, Update
from missions.models import Artifact, Meeting, Mission, UndoRun
from missions.threads.models import Thread
from telemetry.dashboards import DASHBOARDS
from telemetry.queries import SHIPPED
from tests.kit.inhabited import World
from tests.kit.no_pages import FORMS_ONLY, NO_PAGES, SIGNED_OUT


def route_names() -> Iterator[tuple[str, str]]:
    """Name and path of every route outside the API and outside the admin's models."""

    def walk(resolver: URLResolver, path: str, spaces: str) -> Iterator[tuple[str, str]]:
        for entry in resolver.url_patterns:
            here = path + str(entry.pattern)
            if isinstance(entry, URLResolver):
                inner = f"{spaces}{entry.namespace}:" if entry.namespace else spaces
                yield from walk(entry, here, inner)
            elif entry.name:
                yield f"{spaces}{entry.name}", here

    models = {f"{model._meta.app_label}_{model._meta.model_name}_" for model in registered()}
    for name, path in walk(get_resolver(), "", ""):
        of_model = name.startswith("admin:") and name[6:].startswith(tuple(models))
        if not path.startswith("api/") and not of_model:
            yield name, path


def registered() -> Mapping[type[Model], ModelAdmin[Any]]:
    return admin.site._registry  # type: ignore[return-value]


def own_pages(world: World) -> Iterator[str]:
    """Every page outside the admin's models, at one thing of this world each."""
    person = Membership.objects.get(user=world.viewer).user
    agent = Agent.objects.filter(workspace=world.workspace).earliest("id")
    key = ApiKey.objects.filter(agent=agent).earliest("id")
    review = AccessReview.objects.get(workspace=world.workspace)
    asked = Request.objects.filter(workspace=world.workspace, status="open").earliest("id")
    flag = Flag.objects.filter(workspace=world.workspace).latest("id")
    rota = Schedule.objects.filter(workspace=world.workspace).earliest("id")
    live = Deployment.objects.get(workspace=world.workspace, release="5.0.0")
    launch = Launch.objects.filter(workspace=world.workspace, status="preparing").earliest("id")
    window = MaintenanceWindow.objects.filter(workspace=world.workspace).earliest("id")
    rollouts = dict(Rollout.objects.filter(workspace=world.workspace).values_list("status", "pk"))
    mission = Mission.objects.filter(workspace=world.workspace, status="active").latest("id")
    guarded = Mission.objects.get(workspace=world.workspace, title="Guarded")
    reflected = Mission.objects.get(workspace=world.workspace, title="Reflected upon")
    thread = Thread.objects.filter(workspace=world.workspace, status="active").earliest("id")
    burning = Incident.objects.of(world.workspace).filter(status="detected").earliest("id")
    to_customers = Update.objects.of(world.workspace).filter(audience="customers").earliest("id")
    own_runbook = Runbook.objects.get(workspace=world.workspace, slug="ours")
    undone = UndoRun.objects.of(world.workspace).latest("id")
    looked_back = IncidentReview.objects.of(world.workspace).earliest("id")
    follows = looked_back.actions.standing().earliest("id")
    ticket = Ticket.objects.of(world.workspace).filter(status="new").earliest("id")
    things: dict[str, tuple[object, ...]] = {
        "approvals:decide": (asked.uid,),
        "desk:packet": (asked.uid,),
        "desk:delegate": (asked.uid,),
        "incident_desk:message": (to_customers.uid,),
        "incident_desk:page": ("status",),
        "mission_desk:mission": (mission.uid,),
        "mission_desk:say": (mission.uid,),
        "mission_desk:safeguards": (mission.uid,),
        "mission_desk:feedback": (mission.uid,),
        "mission_desk:retrospective": (mission.uid,),
        "boards:line": (launch.uid, "security"),
        "boards:review": (launch.uid,),
        "compliance:control": ("penetration-test", f"{clock.now():%Y}"),
        "deck:papers": (live.uid,),
        "deck:move": (live.uid, "rollback"),
        "deck:check": (live.uid, "watched"),
        "deck:step": (live.uid, live.steps.earliest("position").uid),
        "windows:plan_kind": ("emergency",),
        "windows:change": (window.uid,),
        "windows:reschedule": (window.uid,),
        "windows:move": (window.uid, "cancel"),
        "windows:waive": (window.uid,),
        "windows:tasks": (window.uid,),
        "windows:follow_ups": (window.uid,),
        "windows:remark": (window.uid,),
        "canary:plan": (rollouts["planned"],),
        "canary:try": (rollouts["running"],),
        "canary:figures": (rollouts["running"],),
        "canary:complete": (rollouts["running"],),
        "burning:move": (burning.uid, "severity"),
        "burning:alerts": (burning.uid,),
        "burning:update": (burning.uid,),
        "burning:split": (burning.uid,),
        "burning:timeline": (burning.uid,),
        "burning:act": (burning.uid, "rate_limit"),
        "tickets:move": (ticket.uid, "triage"),
        "tickets:forget": (ticket.uid,),
        "around:channel": ("support",),
        "around:holiday": (Holiday.objects.filter(workspace=world.workspace).earliest("id").uid,),
        "burning:level": ("incident", "sev3"),
        "burning:review_write": (looked_back.uid,),
        "burning:review_documents": (looked_back.uid,),
        "burning:review_action_new": (looked_back.uid,),
        "burning:review_action": (looked_back.uid, follows.uid),
        "burning:review_drop": (looked_back.uid, follows.uid),
        "approvals:delegate": (asked.uid,),
        "missions:plan": (undone.plan.mission.uid,),
        "missions:runs": (undone.plan.mission.uid,),
        "missions:run": (undone.plan.mission.uid, undone.plan.mission.runs.latest("id").uid),
        "missions:undo_run": (undone.plan.mission.uid, undone.uid),
        "missions:line": (mission.uid, "safeguards_confirmed"),
        "missions:feedback": (reflected.uid,),
        "missions:retrospective": (reflected.uid,),
        "missions:library": (reflected.uid,),
        "missions:meeting": (Meeting.objects.latest("id").uid,),
        "missions:brief": (mission.uid,),
        "missions:move": (mission.uid, "pause"),
        "missions:evidence": (mission.uid,),
        "missions:toolkits": (guarded.uid,),
        "missions:safeguards": (guarded.uid,),
        "missions:findings": (guarded.uid,),
        "missions:threads:message": (thread.uid, 1),
        "missions:threads:people": (thread.uid,),
        "missions:threads:wake": (thread.uid,),
        "missions:threads:pause": (thread.uid, thread.participants.earliest("id").agent.uid),
        "missions:files": (Artifact.objects.latest("id").mission.uid,),
        "access:member": (person.uid,),
        "access:agent": (agent.uid,),
        "access:key_rotate": (key.uid,),
        "access:review": (review.period,),
        "console:error": ("NOT_FOUND",),
        "flags:edit": (flag.uid, "staging"),
        "flags:switch": (flag.uid, "staging"),
        "flags:segment": (Segment.objects.filter(workspace=world.workspace).earliest("id").uid,),
        "runbooks:away": (own_runbook.uid,),
        "runbooks:edit": (own_runbook.uid,),
        "runbooks:validate": (own_runbook.uid,),
        "runbooks:version": (own_runbook.uid, 2),
        "incidents:try": (
            AlertSource.objects.filter(workspace=world.workspace).exclude(format="portal")[0].uid,
        ),
        "oncall:swap": (rota.uid,),
        "oncall:ask": (rota.uid,),
        "oncall:write_note": (rota.uid,),
        "oncall:import": (rota.uid,),
        "oncall:rotation": (rota.uid, 1),
        "oncall:end_rotation": (rota.uid, 1),
        "telemetry:kpi": ("missions.throughput",),
        "telemetry:query": (next(iter(SHIPPED)),),
        "console:news": (InboxItem.objects.filter(user=world.root).latest("id").uid,),
    }
    for name, _ in route_names():
        if name not in NO_PAGES and name not in FORMS_ONLY and name not in SIGNED_OUT:
            yield reverse(name, args=things.get(name, ()))
    for slug in DASHBOARDS:
        yield reverse("telemetry:dashboard", args=(slug,))
    yield f"{reverse('telemetry:dashboard', args=('system-health',))}?range=no&env=prod&compare=on"
    yield f"{reverse('console:go')}?q=run+"
    yield f"{reverse('flags:try')}?flag={flag.flag_name}&in=staging&user=ann&with=region%3Deu"
    yield f"{reverse('flags:edit', args=(flag.uid, 'production'))}?like=staging"
    planned = Deployment.objects.filter(workspace=world.workspace, status="preparing").latest("id")
    yield reverse("deck:papers", args=(planned.uid,))
    yield reverse("deck:check", args=(planned.uid, "release-notes"))
    yield reverse("deck:move", args=(planned.uid, "start"))
    yield reverse("deck:move", args=(live.uid, "close"))
    item = Item.objects.filter(workspace=world.workspace).earliest("id")
    yield f"{reverse('work:many', args=('defer',))}?item={item.uid}"
    for slug in ("triage", "merge", "cancel"):
        yield reverse("burning:move", args=(burning.uid, slug))
    yield f"{reverse('work:board')}?by=status"
    yield f"{reverse('oncall:board')}?range=4w"
    yield f"{reverse('boards:calendar')}?view=week"
    yield f"{reverse('boards:calendar')}?view=timeline&environment=staging"
    yield f"{reverse('boards:dora')}?environment=staging&range=52w&of=frequency"
    yield f"{reverse('boards:dora')}?of=merges"
    yield f"{reverse('boards:log')}?environment=staging&kind=standard&before=DEP-1"
    yield f"{reverse('oncall:swap', args=(rota.uid,))}?from=no&until=no&hand=over"
    yield f"{reverse('console:inbox')}?show=all"
    yield f"{reverse('console:inbox')}?show=archived"
    yield f"{reverse('console:settings')}?q=nothing+is+called+so"
    yield "/admin/base/signal/?q=nothing-is-called-so&view=all"


def admin_pages(
    client: Client, world: World, *, begin: int = 0, step: int = 1, questions: bool = True
) -> Iterator[str]:
    """List, row, forms, history and every question a button asks, of every so-manieth model."""
    for model in sorted(registered(), key=lambda found: found._meta.label)[begin::step]:
        model_admin = registered()[model]
        shown = _shown(model, client)
        yield from _pages_of(model, model_admin, shown)
        if questions:
            yield from _questions_of(model, model_admin, shown, client)


def _shown(model: Any, client: Client) -> list[Any]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    shown = list(client.get(f"{reverse(name)}?view=all").context["cl"].result_list)
    assert shown, f"no {model._meta.label} in the world: let tests.kit.inhabited make one"
    return shown


def _pages_of(model: Any, model_admin: ModelAdmin[Any], shown: list[Any]) -> Iterator[str]:
    info = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield f"{reverse(f'{info}_changelist')}?view=all"
    if model_admin.add_action:
        yield reverse(f"{info}_add")
    row = model._default_manager.get(pk=shown[-1].pk)
    page = model_admin.object_url(row)
    yield page
    if model_admin.change_action and model_admin.edit_fields:
        yield f"{page}?edit=1"
    if model_admin.delete_action:
        yield page.replace("/change/", "/delete/")
    yield page.replace("/change/", "/history/")


def _questions_of(
    model: Any, model_admin: ModelAdmin[Any], shown: list[Any], client: Client
) -> Iterator[str]:
    info = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    for entry in buttons_of(type(model_admin), "detail"):
        if entry.asks and (found := _asking(entry.name, model_admin, shown, client)):
            yield found
    for entry in buttons_of(type(model_admin), "list"):
        if entry.asks:
            yield reverse(f"{info}_list_button", args=(entry.name,))


def _asking(
    name: str, model_admin: ModelAdmin[Any], shown: list[Any], client: Client
) -> str | None:
    """The question's page at the first row whose state allows it."""
    for row in shown[:20]:
        url = model_admin.object_url(row).replace("/change/", f"/do/{name}/")
        if client.get(url).status_code == 200:
            return url
    return None
