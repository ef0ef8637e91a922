from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """The admin with our own site class: scoped, second factor, no stock permissions."""

    default_site = "controlplane.base.site.ConsoleSite"


class ConsoleConfig(AppConfig):
    name = "controlplane.console"
    label = "console"
    verbose_name = "Console"

    def ready(self) -> None:
        from controlplane.console import secret_register  # noqa: F401
        from controlplane.console.kernel import kept, nav, said, verbs, waiting

        nav.register()
        waiting.register()
        verbs.register()
        kept.register()
        said.register()
