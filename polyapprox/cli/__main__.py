"""``python -m polyapprox.cli``."""

import sys

from . import main

sys.exit(main())
