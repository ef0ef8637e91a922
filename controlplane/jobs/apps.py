from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "controlplane.jobs"
    label = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from controlplane.jobs import metrics_files

        metrics_files.settle_folder()
        # Jobs, timer handlers, engine modules and readings of every app are known in every
        # process: the watch of a web process must know which silence is one.
        autodiscover_modules("tasks", "readings")
