from django.apps import AppConfig


class FlagsConfig(AppConfig):
    name = "deployments.flags"
    # Not "flags": /admin/flags/<name>/disable is a promise of its own, and no admin page's prefix.
    label = "feature_flags"
    verbose_name = "Feature flags"

    def ready(self) -> None:
        from deployments.flags import kept, presented, transitions  # noqa: F401
        from deployments.flags.shown import console

        presented.register()
        console.register()
