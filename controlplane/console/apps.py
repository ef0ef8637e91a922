from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """The admin with our own site class: scoped, second factor, no stock permissions."""

    default_site = "controlplane.base.site.ConsoleSite"


class ConsoleConfig(AppConfig):
    name = "controlplane.console"
    label = "console"
    verbose_name = "Console"
