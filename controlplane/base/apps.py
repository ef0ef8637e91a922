from importlib import import_module

from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "controlplane.base"
    label = "base"
    verbose_name = "Base"

    def ready(self) -> None:
        # Each registers itself: checks with Django, signals with the engine, and what base and
        # the packages below it hold about people and for how long.
        import_module("controlplane.base.checks")
        import_module("controlplane.base.api.checks")
        import_module("controlplane.base.signals")
        import_module("controlplane.base.kernel_data")
        import_module("controlplane.base.slow_statements")
