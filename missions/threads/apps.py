from django.apps import AppConfig


class ThreadsConfig(AppConfig):
    name = "missions.threads"
    label = "threads"
    verbose_name = "Agent threads"

    def ready(self) -> None:
        from controlplane.access import credential_cache
        from controlplane.base.mcp import parts
        from missions.threads import (  # noqa: F401
            errors,
            fanout,
            kept,
            presented,
            rules,
            transitions,
        )
        from missions.threads.shown import console
        from missions.threads.waking import registered

        presented.register()
        credential_cache.on_forget(fanout.doubt)
        parts.add("missions.threads.mcp")
        console.register()
        registered.register()
