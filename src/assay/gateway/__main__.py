"""`python -m assay.gateway DIR --port N`."""

import sys

from assay.gateway.root import main

sys.exit(main())
