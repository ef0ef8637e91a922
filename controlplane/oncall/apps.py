from django.apps import AppConfig


class OnCallConfig(AppConfig):
    name = "controlplane.oncall"
    label = "oncall"
    verbose_name = "On call"

    def ready(self) -> None:
        from controlplane.audit import words
        from controlplane.oncall import (  # noqa: F401
            kept,
            open_items,
            reach,
            rules,
            services,
            transitions,
            watching,
            wordings,
        )
        from controlplane.oncall.shown import console

        words.define(
            "oncall",
            {
                "manage": "change/changed the on-call schedule",
                "manage:add": "make/made the on-call schedule",
                "manage:off": "retire/retired the on-call schedule",
                "rotate": "set/set a rotation",
                "rotate:remove": "end/ended a rotation",
                "import": "import/imported a calendar into the on-call schedule",
                "override": "change/changed an on-call shift",
                "override:add": "swap/swapped an on-call shift",
                "override:off": "take/took back a swap",
                "override:swaprequest:add": "ask/asked others to take a shift",
                "override:swaprequest:taken": "take/took a shift that was asked for",
                "override:swaprequest:declined": "decline/declined to take a shift",
                "view:swaprequest:withdrawn": "withdraw/withdrew an asked swap",
                "override:handoffnote:add": "begin/began a hand-off note",
                "override:handoffnote:written": "write/wrote a hand-off note",
                "override:handoffnote:read": "read/read a hand-off note",
                "feed:user": "choose/chose when to hear of a shift",
                "feed": "subscribe/subscribed to a calendar of shifts",
                "feed:off": "revoke/revoked a calendar of shifts",
            },
        )
        words.define("swaprequest", {"expired": "end/ended an asked swap that nobody took"})
        words.define(
            "handoffnote",
            {
                "due": "ask/asked for a hand-off note",
                "missed": "miss/missed a hand-off note",
                "written": "hand/handed over a note",
            },
        )
        open_items.register()
        reach.register()
        console.register()
