"""What there is to run: environments, services, components, integrations, and how they fare.

One table each, read by deployments, alert routing, the status page and dispatch.
"""

from controlplane.catalog.models.entries import Component, Environment, Service
from controlplane.catalog.models.integrations import CallReport, Integration
from controlplane.catalog.models.probing import DownInterval, Probe, ProbeResult, WatchPeriod
from controlplane.catalog.models.vault import VaultSecret

__all__ = [
    "CallReport",
    "Component",
    "DownInterval",
    "Environment",
    "Integration",
    "Probe",
    "ProbeResult",
    "Service",
    "VaultSecret",
    "WatchPeriod",
]
