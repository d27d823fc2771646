"""`python -m assay.server DIR...`."""

import sys

from assay.server.root import main

sys.exit(main())
