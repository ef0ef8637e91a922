"""The playbooks' rules as they are shipped, a file for each of what they are about.

Where the playbooks differ, the looser number fires and the stricter one colours the dashboards:
integrations are amber from 5 % on and fire above 10 %; undo is meant to succeed in 98 % and fires
below 95 %. Latency fires above twice its median, and never below 500 ms.
"""

from telemetry.rules.shipped import installation, lifecycle, news, services
from telemetry.rules.shipped.form import RULES

__all__ = ["RULES", "installation", "lifecycle", "news", "services"]
