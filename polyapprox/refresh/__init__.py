# SPDX-License-Identifier: Apache-2.0
"""Functions inside the bootstrap: trigonometric series that a refresh evaluates on its way.

A functional bootstrap of CKKS (eprint 2026/367; OpenFHE's ``EvalFEFuncBootstrap``) has e^{iπm} of the
message m at hand, and gives back any real trigonometric polynomial of it in place of m. What is shipped
there takes coefficients and says nothing of their error; here they are found, bounded and proven.
"""
