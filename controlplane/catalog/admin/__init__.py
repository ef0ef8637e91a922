"""Console pages of the catalog."""

from controlplane.catalog.admin import entries, integrations, probes, vault

__all__ = ["entries", "integrations", "probes", "vault"]
