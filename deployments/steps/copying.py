"""Steps copied from their templates into a deployment."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from controlplane.lib import clock
from deployments.models import Adapter, Deployment, Step
from deployments.steps import templates


def copy_steps(deployment: Deployment) -> None:
    """Lay out what is to be done. Laid out again (other components, another try), steps that were
    tried keep their row with its attempts and stand to be done once more; the rest is new."""
    deployment.steps.filter(attempt=0).delete()
    tried = {(step.component_id, step.slug): step for step in deployment.steps.all()}
    # Out of the way first: places are unique.
    deployment.steps.update(position=F("position") + _PAST)
    parts = deployment.parts.values_list("component_id", "kind", "component__name")
    offered = _offered(deployment)
    fresh = []
    chosen = templates.of(deployment, parts)
    for place, each in enumerate(chosen):
        known = tried.pop((each.component_id, each.template.slug), None)
        if known is None:
            fresh.append(_step(deployment, place, each, offered))
        else:
            _to_do(known, place)
    Step.objects.bulk_create(fresh)
    for place, step in enumerate(tried.values(), start=len(chosen)):
        _fell_away(step, place)


_PAST = 1000
_CLEAN: dict[str, Any] = {
    "asked_at": None,
    "started_at": None,
    "by": "",
    "exit_code": None,
    "output": "",
    "token": None,
    "lease_until": None,
}


def _to_do(step: Step, place: int) -> None:
    Step.objects.filter(pk=step.pk).update(
        **_CLEAN,
        position=place,
        state="pending",
        finished_at=None,
        outcome="",
        version=F("version") + 1,
    )


def _fell_away(step: Step, place: int) -> None:
    Step.objects.filter(pk=step.pk).update(
        **_CLEAN,
        position=place,
        state="skipped",
        finished_at=clock.now(),
        outcome="Its component is no longer part of this.",
        version=F("version") + 1,
    )


Texts = dict[tuple[int | None, str], tuple[str, str]]


def texts(deployment: Deployment) -> Texts:
    """Title and command of each step, as the deployment's facts fill them in now."""
    parts = deployment.parts.values_list("component_id", "kind", "component__name")
    return {
        (each.component_id, each.template.slug): _filled(deployment, each)
        for each in templates.of(deployment, parts)
    }


def fill_anew(deployment: Deployment, before: Texts) -> None:
    """An image or a commit was corrected: what nobody tried yet shows it. What somebody wrote over
    the template stays."""
    now = texts(deployment)
    for step in deployment.steps.filter(attempt=0, state="pending"):
        key = (step.component_id, step.slug)
        if key in now and before.get(key) == (step.title, step.command) != now[key]:
            title, command = now[key]
            Step.objects.filter(pk=step.pk).update(
                title=title, command=command, version=F("version") + 1
            )


def _filled(deployment: Deployment, chosen: templates.Chosen) -> tuple[str, str]:
    values = templates.values(deployment, chosen.component)
    template = chosen.template
    return templates.fill(template.title, values)[:200], templates.fill(template.command, values)


def _offered(deployment: Deployment) -> dict[str, Adapter]:
    """Adapters that are switched on there, by the step they are for."""
    rows = Adapter.objects.of(deployment.workspace).filter(
        enabled=True, environments=deployment.environment
    )
    return {each.for_step: each for each in rows.order_by("-pk") if each.for_step}


def _step(
    deployment: Deployment, place: int, chosen: templates.Chosen, offered: dict[str, Adapter]
) -> Step:
    template = chosen.template
    title, command = _filled(deployment, chosen)
    adapter = offered.get(template.slug)
    return Step(
        deployment=deployment,
        component_id=chosen.component_id,
        position=place,
        slug=template.slug,
        kind=adapter.kind if adapter is not None else template.kind,
        title=title,
        command=command,
        adapter=adapter,
        needs_backup=template.needs_backup,
        optional=template.optional,
    )
