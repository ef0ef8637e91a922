"""What deployments tell the packages below: owners of approvals, words of the log, what flags ask,
what is owed regularly."""

from __future__ import annotations

from controlplane.approvals import owners
from controlplane.audit import words
from controlplane.jobs import obligations
from deployments import freezing
from deployments import launches as launching
from deployments.flags.services import register_freeze
from deployments.overview import kpis
from deployments.overview import links as launch_links
from deployments.overview import merges as _merges  # noqa: F401 - hears of merges
from deployments.overview import windows as _windows  # noqa: F401 - in the calendar
from deployments.services import consent, launches
from deployments.shown import overview


def register() -> None:
    owners.register(
        consent.OWNER,
        label="Deployment",
        on_decided=consent.on_decided,
        on_closed=consent.on_closed,
        current_packet=consent.current_packet,
        hold=consent.hold_for,
        link=consent.link_for,
    )
    owners.register(
        launching.OWNER,
        label="Launch",
        on_decided=launches.on_decided,
        on_closed=launches.on_closed,
        current_packet=launches.current_packet,
        hold=launches.hold_for,
        link=launch_links.page_of_request,
    )
    register_freeze(freezing.flag_frozen)
    overview.register()
    kpis.register()
    _words()
    obligations.register(
        "staging_data_refresh",
        title="Refresh staging with a sanitised snapshot of production",
        owner_role="database_lead",
        sign_role="privacy_officer",
        cadence="weekly",
        evidence="When it was refreshed, from which snapshot, and how it was sanitised.",
        why="Tests on old data miss what users do now, and what is not sanitised may not be there.",
    )


def _words() -> None:
    words.define(
        "deployment",
        {
            "create": "plan/planned the deployment",
            "change": "change/changed the deployment",
            "change:preparing": "prepare/prepared the deployment",
            "change:ready": "declare/declared the deployment ready",
            "change:back": "bring/brought the deployment back to preparing",
            "change:blocked": "block/blocked the deployment",
            "change:approved": "unblock/unblocked the deployment",
            "change:deploying": "unblock/unblocked the deployment",
            "change:verifying": "unblock/unblocked the deployment",
            "change:monitoring": "unblock/unblocked the deployment",
            "change:cancelled": "cancel/cancelled the deployment",
            "start": "start/started the deployment",
            "start:verifying": "bring/brought out the release",
            "start:monitoring": "verify/verified the deployment",
            "start:failed": "give/gave up the deployment",
            "approved": "approve/approved the deployment",
            "tick": "tick/ticked a check of the deployment",
            "tick:snapshot": "keep/kept the figures of the deployment",
            "tick:again": "ask/asked anew for a check of the deployment",
            "override": "waive/waived a check of the deployment",
            "step": "do/did a step of the deployment",
            "rollback": "roll/rolled back the deployment",
            "judge": "judge/judged the deployment",
            "document": "complete/completed the documentation of the hotfix",
            "close": "close/closed the deployment",
            "adapters": "change/changed the deployment adapter",
            "adapters:add": "add/added the deployment adapter",
            "adapters:on": "switch/switched on the deployment adapter",
            "adapters:off": "switch/switched off the deployment adapter",
        },
    )
    words.define("server", {"report": "tell/told who was on a server"})
    words.define("deployment", {"feed": "change/changed a link to releases"})
    words.define(
        "launch",
        {
            "manage": "change/changed the launch",
            "manage:add": "plan/planned the launch",
            "manage:signing": "ask/asked for the sign-off of the launch",
            "manage:preparing": "open/opened the launch again",
            "manage:cancelled": "cancel/cancelled the launch",
            "tick": "settle/settled a line of the launch",
            "signed": "sign/signed off the launch",
            "review": "sign/signed the review after the launch",
            "preparing": "open/opened the launch again",
        },
    )
    words.define(
        "freeze",
        {
            "manage": "change/changed the freeze",
            "manage:add": "make/made the freeze",
            "manage:off": "end/ended the freeze",
            "override": "pass/passed over the freeze",
        },
    )
