from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "controlplane.notify"
    label = "notify"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from controlplane.jobs import engine
        from controlplane.notify import breaches, delivering, kept, outbox, watching  # noqa: F401
        from controlplane.notify.models import OutboxMessage

        engine.module("outbox", outbox.work, rows=OutboxMessage, order=90)
