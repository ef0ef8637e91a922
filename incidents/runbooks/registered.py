"""What runbooks tell the packages below."""

from __future__ import annotations

from django.urls import reverse

from controlplane.audit import words
from controlplane.base.registries import AuditRule, Verdict, audit_rules


def register() -> None:
    from deployments.launches import Shown, show
    from deployments.models import Launch
    from incidents.runbooks import (  # noqa: F401 - pages, registries
        admin,
        books,
        console,
        kept,
        validating,
    )

    console.register()
    words.define(
        "runbook",
        {
            "view": "consult/consulted a runbook",
            "run": "work/worked through the runbook",
            "edit": "write/wrote the runbook",
            "validate": "try/tried the runbook",
        },
    )
    words.define("database", {"terminate": "end/ended a query of the database"})

    def ready(workspace_id: int) -> Verdict:
        """Asked while a go-live is being prepared."""
        ahead = Launch.objects.filter(workspace=workspace_id, status__in=["preparing", "signing"])
        if not ahead.exists():
            return Verdict("not_applicable", "No go-live is being prepared.")
        left = validating.not_ready(workspace_id)
        if not left:
            return Verdict("ok", "Every required runbook is published, validated and drilled.")
        named = ", ".join(each.slug for each in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        return Verdict("attention", f"Not published, validated and drilled: {named}{more}.")

    def shown(workspace_id: int) -> Shown:
        """For the checklist of a go-live."""
        left = validating.not_ready(workspace_id)
        return Shown(
            [f"{each.title}: {', '.join(each.missing)}" for each in left],
            f"All {len(books.REQUIRED)} required runbooks are published, validated and drilled",
            reverse("admin:incidents_runbook_changelist"),
        )

    show("runbooks", shown)
    audit_rules.register(
        AuditRule("runbooks", "Every required runbook is published, validated and drilled", ready)
    )
