from django.apps import AppConfig


class OnCallConfig(AppConfig):
    name = "controlplane.oncall"
    label = "oncall"
    verbose_name = "On call"

    def ready(self) -> None:
        from controlplane.audit import words
        from controlplane.oncall import kept, reach, rules, services, watching, wordings  # noqa: F401
        from controlplane.oncall.shown import console

        words.define(
            "oncall",
            {
                "manage": "change/changed the on-call schedule",
                "manage:add": "make/made the on-call schedule",
                "manage:off": "retire/retired the on-call schedule",
                "rotate": "set/set a rotation",
                "rotate:remove": "end/ended a rotation",
                "override": "change/changed an on-call shift",
                "override:add": "swap/swapped an on-call shift",
                "override:off": "take/took back a swap",
                "feed": "subscribe/subscribed to a calendar of shifts",
                "feed:off": "revoke/revoked a calendar of shifts",
            },
        )
        reach.register()
        console.register()
