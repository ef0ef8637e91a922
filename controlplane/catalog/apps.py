from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "controlplane.catalog"
    label = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        from controlplane.access.services import people
        from controlplane.base.registries import Kpi, kpis
        from controlplane.catalog import (  # noqa: F401
            kept,
            services,
            shown,
            transitions,
            uptime,
            watching,
        )

        people.furnishers.append(services.ensure_environments)
        kpis.register(
            Kpi(
                slug="uptime",
                title="Uptime of the least available service",
                unit="%",
                formula=(
                    "100 × (1 − down seconds ÷ measured seconds) in production, from probes' down"
                    " intervals with overlaps merged; the lowest of the active services"
                ),
                compute=uptime.of_workspace,
                target=99.9,
                link="/admin/catalog/probe/",
                source="a probe of a service in production",
                action="catalog.view",
            )
        )
