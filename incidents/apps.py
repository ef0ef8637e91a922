from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = "Incidents"

    def ready(self) -> None:
        from incidents import (  # noqa: F401
            duties,
            governed,
            kept,
            kept_alerts,
            presented,
            transitions,
        )
        from incidents.desk import registered as review_desk
        from incidents.gamedays import playing  # noqa: F401
        from incidents.hearing import found, maintenance, rules  # noqa: F401
        from incidents.intake import formats, receiving  # noqa: F401
        from incidents.paging import kept as _kept_of_paging  # noqa: F401
        from incidents.paging import registered
        from incidents.records import agendas, joining, lateness  # noqa: F401
        from incidents.response import (  # noqa: F401
            acting,
            holding_items,
            holding_missions,
            missing,
            responding,
            running_steps,
            targets,
        )
        from incidents.response import kept as _kept_of_response  # noqa: F401
        from incidents.reviews import lateness as _late_reviews  # noqa: F401
        from incidents.reviews import registered as reviews
        from incidents.routing import letting_go, wording  # noqa: F401
        from incidents.runbooks import registered as runbooks
        from incidents.status import mailing, writing  # noqa: F401
        from incidents.status import registered as status
        from incidents.support import desk
        from incidents.support import registered as support

        registered.register()
        runbooks.register()
        presented.register()
        reviews.register()
        status.register()
        support.register()
        agendas.register()
        desk.register()
        review_desk.register()
        wording.register()
