"""Pages of telemetry beside the admin's lists: dashboards, the catalogue, saved queries."""
