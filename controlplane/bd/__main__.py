"""`python -m controlplane.bd`."""

import sys

from controlplane.bd.main import main

sys.exit(main(sys.argv[1:]))
