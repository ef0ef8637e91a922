from django.apps import AppConfig


class ThreadsConfig(AppConfig):
    name = "missions.threads"
    label = "threads"
    verbose_name = "Agent threads"

    def ready(self) -> None:
        from controlplane.base.mcp import parts
        from missions.threads import errors, kept, presented, rules, transitions  # noqa: F401
        from missions.threads.shown import console
        from missions.threads.waking import registered

        presented.register()
        parts.add("missions.threads.mcp")
        console.register()
        registered.register()
