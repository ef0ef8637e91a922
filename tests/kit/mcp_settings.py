"""The portal's settings with the endpoint of the tests, for a process of its own."""

from controlplane.settings import *  # noqa: F403

ROOT_URLCONF = "tests.kit.mcp_urls"
