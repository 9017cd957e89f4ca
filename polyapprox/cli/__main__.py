# SPDX-License-Identifier: Apache-2.0
"""``python -m polyapprox.cli``."""

import sys

from . import main

sys.exit(main())
