# SPDX-License-Identifier: Apache-2.0
"""One sentence where PyTorch is missing, in place of a chain of imports that fail."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("torch") is None:
    SENTENCE = "nn_bridge needs PyTorch, which is not installed: pip install 'polyapprox[nn]'"
    if Path(sys.argv[0]).name in ("nn-bridge", "-m"):  # a command ends without a traceback
        raise SystemExit(SENTENCE)
    raise ImportError(SENTENCE)
