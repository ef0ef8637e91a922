"""What runs by itself; being imported here, it is known to every process."""

from deployments.flags import jobs as _jobs  # noqa: F401
