"""The linear algebra that the records were made with."""

import os

OF_RECORDS = os.environ.get("OPENBLAS_CORETYPE") == "SkylakeX"
"""As make sets it where the processor has it: what is made again then is the same to the last bit."""
