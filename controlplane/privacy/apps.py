from importlib import import_module

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "controlplane.privacy"
    label = "privacy"
    verbose_name = "Privacy"

    def ready(self) -> None:
        # They register themselves: steps of requests, words, what is kept, jobs' figures, the demo.
        for name in (
            *("transitions", "kept", "telling", "registered", "compliance.duties"),
            *("compliance.registered", "demo"),
        ):
            import_module(f"controlplane.privacy.{name}")
