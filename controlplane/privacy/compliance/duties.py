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
    requirement="R-211",
).slug
PENETRATION_TEST = obligations.register(
    "compliance.penetration_test",
    title="Have a penetration test done, and keep its report",
    owner_role="security_lead",
    sign_role="compliance",
    cadence="yearly",
    evidence="The report of the test, added to the control, and the work items of its findings.",
    requirement="R-206",
).slug
DEPENDENCIES = obligations.register(
    "compliance.dependencies",
    title="Audit the dependencies, and keep the report",
    owner_role="engineering_lead",
    cadence="quarterly",
    evidence="The report of the dependency audit, added to the control, and what was updated.",
    requirement="R-206",
).slug
STORAGE = obligations.register(
    "compliance.storage_versions",
    title="Show that storage keeps deleted versions for 30 days",
    owner_role="sre_liaison",
    cadence="quarterly",
    evidence="The bucket's versioning and lifecycle settings, or a deleted file brought back.",
    requirement="R-201",
).slug
SECRETS = obligations.register(
    "access.rotate_secrets",
    title="Rotate the secrets",
    owner_role="security_lead",
    cadence="quarterly",
    evidence="Which secrets were changed and on which day, as the secret register says it.",
    requirement="R-190",
).slug
