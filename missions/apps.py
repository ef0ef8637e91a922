from django.apps import AppConfig


class MissionsConfig(AppConfig):
    name = "missions"
    verbose_name = "Missions"

    def ready(self) -> None:
        from missions import (  # noqa: F401
            kept,
            kept_guarding,
            kept_plans,
            presented,
            presented_guarding,
            presented_plans,
            rules,
            transitions,
            transitions_guarding,
            transitions_plans,
        )
        from missions.evidence import registered
        from missions.gates import (  # noqa: F401
            computing,
            executing,
            guarding,
            guarding_signed,
            planning,
            planning_signed,
        )
        from missions.governance import registered as governed
        from missions.learning import registered as learnt
        from missions.services import let_go  # noqa: F401
        from missions.shown import console, guard_console, plan_console

        presented.register()
        presented_guarding.register()
        presented_plans.register()
        console.register()
        guard_console.register()
        plan_console.register()
        registered.register()
        learnt.register()
        governed.register()
