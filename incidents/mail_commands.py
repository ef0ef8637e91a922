"""What a mail server that hands a mail to a command hears: taken, or which of its codes says why
not. Whatever nobody foresaw, a database that is away above all, means try again later: any other
code sends the mail back to its writer for good."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from controlplane.lib.errors import ControlPlaneError, Invalid

# 75, try again later; 65, it can't be read; 67, nobody of this name.
LATER, UNREADABLE, UNKNOWN = 75, 65, 67
logger = logging.getLogger(__name__)


@contextmanager
def answered() -> Iterator[None]:
    try:
        yield
    except CommandError:
        raise
    except Invalid as error:
        raise CommandError(error.message, returncode=UNREADABLE) from error
    except ControlPlaneError as error:
        raise CommandError(error.message, returncode=LATER) from error
    except Exception as error:
        logger.exception("A mail could not be taken.")
        said = f"It can't be taken now ({type(error).__name__}): try again later."
        raise CommandError(said, returncode=LATER) from error
