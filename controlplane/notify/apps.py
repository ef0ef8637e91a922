from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "controlplane.notify"
    label = "notify"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from controlplane.jobs import engine
        from controlplane.notify import (  # noqa: F401
            breaches,
            deliveries,
            delivering,
            kept,
            outbox,
            together,
            watching,
        )
        from controlplane.notify.models import OutboxMessage
        from controlplane.notify.services import trying  # noqa: F401

        engine.module("outbox", outbox.work, rows=OutboxMessage, order=90)
