# SPDX-License-Identifier: Apache-2.0
"""Noise: what the rounding of constants and the scheme itself add to the error of a result.

The rounding of constants is deterministic, and proven (:mod:`polyapprox.noise.quantise`); the
noise of the scheme is random, and a stated model of it is evaluated
(:mod:`polyapprox.noise.forecast`). The two are never added up under one name.
"""

from .forecast import Forecast as Forecast, forecast as forecast
from .quantise import quantise as quantise
from .rounding import quantised_plan as quantised_plan
from .schemes import SCHEMES as SCHEMES, Scheme as Scheme, scheme as scheme
