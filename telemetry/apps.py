from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "Telemetry"

    def ready(self) -> None:
        from controlplane.audit import words
        from telemetry import duties, kept  # noqa: F401
        from telemetry.kpis import table
        from telemetry.rules import (  # noqa: F401
            evaluation,
            exposed,
            presented,
            refusals,
            transitions,
        )
        from telemetry.shown import auditing, console

        console.register()
        auditing.register()
        words.define(
            "telemetry",
            {
                "manage_rules": "change/changed the alert rule",
                "manage_rules:add": "add/added the alert rule",
                "manage_rules:remove": "remove/removed the alert rule",
                "manage_rules:on": "switch/switched on the alert rule",
                "manage_rules:off": "switch/switched off the alert rule",
                "manage_queries": "change/changed the saved query",
                "manage_queries:add": "save/saved the query",
                "manage_queries:remove": "remove/removed the saved query",
                "test_rule": "try/tried the alert rule",
                "snapshot": "keep/kept the health snapshot",
                "compute": "compute/computed the key figures of",
                "gap_found": "find/found the gap",
                "gap_closed": "close/closed the gap",
                "kpi_missed": "miss/missed the target of",
                "erase": "erase/erased events of",
            },
        )
        words.define("rulestate", {"firing": "fire/fired", "ok": "resolve/resolved the alert"})
        table.register()
