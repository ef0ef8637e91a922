from importlib import import_module

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "controlplane.backups"
    label = "backups"
    verbose_name = "Backups"

    def ready(self) -> None:
        # Both register themselves: retention and figures with base, wordings with notify.
        import_module("controlplane.backups.kept")
        import_module("controlplane.backups.telling")
