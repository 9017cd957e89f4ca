# SPDX-License-Identifier: Apache-2.0
"""``python -m nn_bridge`` is the command ``nn-bridge``, for torchrun."""

from .cli import main

if __name__ == "__main__":
    main()
