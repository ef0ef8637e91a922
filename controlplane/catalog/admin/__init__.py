"""Console pages of the catalog."""

from controlplane.catalog.admin import entries, integrations, probes

__all__ = ["entries", "integrations", "probes"]
