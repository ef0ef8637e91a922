from django.apps import AppConfig


class ThreadsConfig(AppConfig):
    name = "missions.threads"
    label = "threads"
    verbose_name = "Agent threads"

    def ready(self) -> None:
        from missions.threads import errors, kept, presented, rules, transitions  # noqa: F401
        from missions.threads.shown import console
        from missions.threads.waking import registered

        presented.register()
        console.register()
        registered.register()
