from django.apps import AppConfig


class MissionsConfig(AppConfig):
    name = "missions"
    verbose_name = "Missions"

    def ready(self) -> None:
        from missions import kept, presented, rules, transitions  # noqa: F401
        from missions.gates import computing  # noqa: F401
        from missions.shown import console

        presented.register()
        console.register()
