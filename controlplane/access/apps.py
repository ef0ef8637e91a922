from importlib import import_module

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "controlplane.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        # Each registers itself: object rules with the policy, checks with Django, and the
        # answer to "who may read the log" with the log, which stands below this package.
        import_module("controlplane.access.audit_scope")
        import_module("controlplane.access.rules")
        import_module("controlplane.access.checks")
