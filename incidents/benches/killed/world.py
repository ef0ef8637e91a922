"""Whom the portal of a trial calls. Made inside of it, as a program of its own."""

from __future__ import annotations

import json
import sys

from controlplane.access import services as access
from controlplane.lib import actors
from incidents.intake import sources
from incidents.paging import policies
from incidents.routing import rules

NAME = "trial"
# Each step calls one person; shorter waits than people need, so that ladders end within a trial.
ROLES = ("primary_operator", "secondary_operator", "workspace_admin")
WAIT_S = 8
PROGRAM = f"import django; django.setup(); from {__name__} import tell; tell()"
SHORTEST = {"CONTROLPLANE_PAGING_WAIT_LEAST_S": "1"}


def make() -> dict[str, str]:
    by = actors.job("bench")
    workspace = access.create_workspace(NAME, actor=by)
    for role in ROLES:
        access.create_user(
            f"{role}@example.org", actor=by, name=role, workspace=workspace, roles=(role,)
        )
    steps = [{"targets": [{"kind": "role", "ref": role}], "wait_s": WAIT_S} for role in ROLES[:-1]]
    policies.save_policy(
        workspace, NAME, actor=by, title="Trial", repeats=0, steps=steps,
        catch_all=[{"kind": "role", "ref": ROLES[-1]}],
    )  # fmt: skip
    rules.create_rule(
        workspace, NAME, actor=by, title="Trial", opens="incident", level="sev3", policy=NAME,
        position=1, matchers=[], group_by=["alertname"],
    )  # fmt: skip
    source = sources.create_source(workspace, actor=by, name=NAME, format="alertmanager")
    return {"key": source.key}


def tell() -> None:
    sys.stdout.write(json.dumps(make()))
