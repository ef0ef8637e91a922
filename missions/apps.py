from django.apps import AppConfig


class MissionsConfig(AppConfig):
    name = "missions"
    verbose_name = "Missions"

    def ready(self) -> None:
        from missions import (  # noqa: F401
            kept,
            kept_guarding,
            presented,
            presented_guarding,
            rules,
            transitions,
            transitions_guarding,
        )
        from missions.gates import computing, guarding, guarding_signed  # noqa: F401
        from missions.evidence import registered
        from missions.shown import console

        presented.register()
        presented_guarding.register()
        console.register()
        registered.register()
