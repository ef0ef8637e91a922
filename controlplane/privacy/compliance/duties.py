"""What is owed for an audit beside what every app owes: looks at what the portal can't see."""

from __future__ import annotations

from controlplane.jobs import obligations

CHECKLIST = obligations.register(
    "compliance.checklist",
    title="Go through the compliance checklist",
    owner_role="compliance",
    sign_role="security_lead",
    cadence="quarterly",
    evidence="The compliance page of the quarter read control by control: what is missing, who"
    " mends it by when, and which controls do not apply and why.",
    why="Missing evidence can be made up for in its quarter, and no longer before an auditor.",
).slug
PENETRATION_TEST = obligations.register(
    "compliance.penetration_test",
    title="Have a penetration test done, and keep its report",
    owner_role="security_lead",
    sign_role="compliance",
    cadence="yearly",
    evidence="The report of the test, added to the control, and the work items of its findings.",
    why="Who built it does not see what somebody from outside sees.",
).slug
DEPENDENCIES = obligations.register(
    "compliance.dependencies",
    title="Audit the dependencies, and keep the report",
    owner_role="engineering_lead",
    cadence="quarterly",
    evidence="The report of the dependency audit, added to the control, and what was updated.",
    why="Weaknesses become known in code that was sound when it was chosen.",
).slug
STORAGE = obligations.register(
    "compliance.storage_versions",
    title="Show that storage keeps deleted versions for 30 days",
    owner_role="sre_liaison",
    cadence="quarterly",
    evidence="The bucket's versioning and lifecycle settings, or a deleted file brought back.",
    why="A setting that was changed once shows only when a deleted file does not come back.",
).slug
SECRETS = obligations.register(
    "access.rotate_secrets",
    title="Rotate the secrets",
    owner_role="security_lead",
    cadence="quarterly",
    evidence="Which secrets were changed and on which day, as the secret register says it.",
    why="A secret that leaked unseen opens nothing any more after a quarter.",
).slug
