# SPDX-License-Identifier: Apache-2.0
"""C99: one function of doubles without dependencies, and a ``main`` that checks it on request."""

from __future__ import annotations

from .. import curly
from ..job import Format, Job
from ..straight import Syntax, arguments_of
from ..text import hexadecimal

_SYNTAX = Syntax(
    assign="const double {name} = {value};",
    multiply="{a} * {b}",
    add="{a} + {b}",
    subtract="{a} - {b}",
    scale="{a} * {c}",
    shift="{a} + {c}",
    number=hexadecimal,
)

_FILE = """\
{comment}

#include <math.h>
#include <stdio.h>

double polyapprox_{name}({parameters});
int polyapprox_{name}_check(double tolerance);

// The plan, operation by operation.
double polyapprox_{name}({parameters})
{{
{body}
    return {result};
}}

// points, value of the polynomial, value of the function, proven bound of the difference
static const double polyapprox_{name}_points[][{columns}] = {{
{points}
}};

// 0 (PASS) if every value is within tolerance (in units of the largest value) of the polynomial,
// and within bound and tolerance of the function; 1 (FAIL) otherwise.
int polyapprox_{name}_check(double tolerance)
{{
    const int count = (int)(sizeof polyapprox_{name}_points / sizeof polyapprox_{name}_points[0]);
    double size = 1.0, worst = 0.0, excess = -INFINITY;
    for (int i = 0; i < count; i++) {{
        const double *p = polyapprox_{name}_points[i];
        const double y = polyapprox_{name}({call});
        size = fmax(size, fabs(p[{inputs}]));
        worst = fmax(worst, fabs(y - p[{inputs}]));
        excess = fmax(excess, fabs(y - p[{inputs} + 1]) - p[{inputs} + 2]);
    }}
    const int failed = !(worst / size <= tolerance && excess <= tolerance * size);
    printf("%s: largest deviation %.3g\\n", failed ? "FAIL" : "PASS", worst / size);
    return failed;
}}

#ifdef POLYAPPROX_MAIN
// cc -DPOLYAPPROX_MAIN: print the value at each number read, or check if there is none.
int main(void)
{{
    double x[{inputs}];
    int any = 0;
    while (scanf({scan}) == {inputs}) {{
        printf("%.17g\\n", polyapprox_{name}({read}));
        any = 1;
    }}
    return any ? 0 : polyapprox_{name}_check(1e-9);
}}
#endif
"""


def _write(job: Job) -> bytes:
    body, result = curly.body_of(job, _SYNTAX)
    arguments = arguments_of(job.approximation.plan)
    inputs = len(arguments)
    return _FILE.format(
        comment=curly.comment(job, "", "Compile as C99 or later; link with -lm for the check."),
        name=job.name,
        parameters=", ".join(f"double {argument}" for argument in arguments),
        body=body,
        result=result,
        columns=inputs + 3,
        points=curly.block(curly.checks(job)),
        inputs=inputs,
        call=", ".join(f"p[{i}]" for i in range(inputs)),
        read=", ".join(f"x[{i}]" for i in range(inputs)),
        scan=", ".join(['"' + "%lf" * inputs + '"', *(f"&x[{i}]" for i in range(inputs))]),
    ).encode()


FORMAT = Format("c", ".c", ("plan",), "double", "ideal", "C", _write)
