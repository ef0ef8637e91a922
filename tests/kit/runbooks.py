"""A runbook with a step of every kind, and who works through it."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import User, Workspace
from incidents.models import Incident, Runbook, RunbookRun, RunbookStep
from incidents.records.opening import open_incident
from incidents.runbooks import books, running
from tests import make

TEXT = """---
slug: {slug}
title: A runbook of ours
severity: sev3
owner: sre_liaison
labels: ours
---
## Symptoms

The kettle whistles.

## Immediate actions

### Triage

```step hand: Look at the kettle
expect: it is off
---
With your own eyes.
```

{steps}

### Containment

None.

### Communication

None.

## Diagnosis

None.

## Resolution

None.

## Verification

None.

## Prevention

None.

## Related

None.

## Contacts

None.
"""


def written(workspace: Workspace, *steps: str, slug: str = "kettle", **given: Any) -> Runbook:
    text = TEXT.format(slug=slug, steps="\n\n".join(steps))
    return books.save_runbook(workspace, text, actor=make.JOB, **given)


def step(kind: str, *lines: str, title: str = "It") -> str:
    return "\n".join([f"```step {kind}: {title}", *lines, "```"])


class Room:
    def __init__(self) -> None:
        self.workspace = make.workspace()
        self.primary = make.person(self.workspace, "primary_operator", password=None)
        self.lead = make.person(self.workspace, "engineering_lead", password=None)

    def incident(self, **given: Any) -> Incident:
        return open_incident(
            self.workspace, actor=make.JOB, title="It whistles", severity="sev3", pages=False,
            **given,
        )  # fmt: skip

    def run(self, *steps: str, by: User | None = None, **given: Any) -> RunbookRun:
        row = written(self.workspace, *steps)
        actor = make.actor(by or self.primary)
        return running.begin(row, actor=actor, workspace=self.workspace, **given)

    def do(self, run: RunbookRun, number: int, **given: Any) -> RunbookStep:
        return running.run_step(run, number, actor=make.actor(self.primary), **given)
