from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "controlplane.work"
    label = "work"
    verbose_name = "Work"

    def ready(self) -> None:
        from controlplane.access.services import people
        from controlplane.audit import words
        from controlplane.work import kept, rules, services  # noqa: F401
        from controlplane.work.shown import console

        words.define("work", {"repair": "repair/repaired the readiness of items"})
        people.furnishers.append(services.ensure_operations_project)
        console.register()
