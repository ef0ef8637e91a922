"""Services of the catalog: what doors, jobs and other packages call."""

from controlplane.catalog.services.breakers import ask, close, half_open, report_outcome, trip
from controlplane.catalog.services.entries import (
    add_component,
    add_integration,
    change_component,
    change_environment,
    change_integration,
    change_service,
    ensure_environments,
    register_service,
    restore_service,
    retire_service,
    switch_component,
    switch_integration,
)
from controlplane.catalog.services.probes import (
    add_probe,
    change_probe,
    note_silence,
    probe_now,
    record_result,
    report_result,
    switch_probe,
)

__all__ = [
    "add_component",
    "add_integration",
    "add_probe",
    "ask",
    "change_component",
    "change_environment",
    "change_integration",
    "change_probe",
    "change_service",
    "close",
    "ensure_environments",
    "half_open",
    "note_silence",
    "probe_now",
    "record_result",
    "register_service",
    "report_outcome",
    "report_result",
    "restore_service",
    "retire_service",
    "switch_component",
    "switch_integration",
    "switch_probe",
    "trip",
]
