from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Deployments"

    def ready(self) -> None:
        from deployments import kept, presented, rules, transitions  # noqa: F401
        from deployments.canary import kept as _canary_kept  # noqa: F401
        from deployments.canary import presented as canary
        from deployments.watch import timers  # noqa: F401

        presented.register()
        canary.register()
