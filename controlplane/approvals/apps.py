from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "controlplane.approvals"
    label = "approvals"
    verbose_name = "Approvals"

    def ready(self) -> None:
        from controlplane.access.services import people
        from controlplane.approvals import kept, kpis, rules, services, timers, wordings  # noqa: F401
        from controlplane.approvals.desk import registered as desk
        from controlplane.approvals.shown import console
        from controlplane.audit import words

        words.define(
            "approval",
            {
                "ask": "ask/asked for consent",
                "sign:approved": "approve/approved",
                "sign:rejected": "reject/rejected",
                "sign:changes_requested": "return/returned for changes",
                "sign": "sign/signed",
                "comment": "comment/commented on",
                "withdraw": "withdraw/withdrew",
                "void": "void/voided",
                "supersede": "supersede/superseded",
                "expire": "expire/expired",
                "escalate": "escalate/escalated",
                "delegate": "delegate/delegated",
                "delegate:off": "end/ended the delegation",
                "manage": "change/changed the approval policy",
                "manage:add": "add/added the approval policy",
                "manage:on": "restore/restored the approval policy",
                "manage:off": "retire/retired the approval policy",
            },
        )
        people.furnishers.append(services.ensure_policies)
        console.register()
        desk.register()
        kpis.register()
