from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Deployments"

    def ready(self) -> None:
        from controlplane.work import services as work
        from deployments import (  # noqa: F401
            alarms,
            answering,
            kept,
            presented,
            rules,
            transitions,
        )
        from deployments.canary import kept as _canary_kept  # noqa: F401
        from deployments.canary import presented as canary
        from deployments.ci import hearing  # noqa: F401 - listens
        from deployments.maintenance import kept as _maintenance_kept  # noqa: F401
        from deployments.maintenance import presented as maintenance
        from deployments.maintenance import standing
        from deployments.maintenance import timers as _maintenance_timers  # noqa: F401
        from deployments.services import items
        from deployments.shown import canary_console, deck_console
        from deployments.watch import timers  # noqa: F401

        presented.register()
        canary.register()
        canary_console.register()
        deck_console.register()
        maintenance.register()
        work.on_duty.append(answering.assignee)
        work.stays_open.append(items.stays_open)
        work.stays_open.append(standing.stays_open)
