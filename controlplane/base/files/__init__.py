"""Files that people and programs hand in: how their names are read, what they are by their
content, how they are kept with their hash, and how they are handed out. Built once: work items,
missions and whoever else keeps files call this.

Whatever is in them is somebody else's: nothing here is ever run, unpacked or believed.
"""

from controlplane.base.files.handing import download, picture
from controlplane.base.files.keeping import (
    Lost,
    StorageFull,
    StorageSilent,
    digest,
    drop,
    opened,
    put,
    told_why,
)
from controlplane.base.files.kinds import UNKNOWN, is_text, sniff, true_type
from controlplane.base.files.names import safe, shown
from controlplane.base.files.receiving import Source, Spooled, measure, spool

__all__ = [
    "UNKNOWN",
    "Lost",
    "Source",
    "Spooled",
    "StorageFull",
    "StorageSilent",
    "digest",
    "download",
    "drop",
    "is_text",
    "measure",
    "opened",
    "picture",
    "put",
    "safe",
    "shown",
    "sniff",
    "spool",
    "told_why",
    "true_type",
]
