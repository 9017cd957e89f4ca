"""Lattigo: a Go file with decimals for ``minimax.NewPolynomial`` and ``bignum.NewPolynomial``.

Coefficients are Chebyshev on [-1, 1], low to high, c_0 as it is, innermost first; Lattigo reads
each decimal to 3.3 bits for each character, so that exact expansions stay exact. Its evaluator
panics on a constant, which is written as c_0 + 0 · T_1.
"""

from __future__ import annotations

from ...numbers import ZERO
from .. import curly
from ..chain import chain_of, without_trailing_zeros
from ..header import header
from ..job import Format, Job
from ..text import decimal

_FILE = """\
{comment}
package polyapprox

import (
	"fmt"
	"math/big"

	"github.com/tuneinsight/lattigo/v6/circuits/ckks/minimax"
	"github.com/tuneinsight/lattigo/v6/utils/bignum"
)

// Coefficients of the stages, innermost first: Chebyshev, low to high, c0 as it is.
{about}
var Coefficients = [][]string{{
{coefficients}
}}

// Intervals that are mapped to [-1, 1] before each stage.
var Intervals = [][2]string{{
{intervals}
}}

// Final says what is done with the value of the last stage.
const Final = "{final}"

// Offset is added at the end.
const Offset = "{offset}"

// Minimax is the composite polynomial for minimax.Evaluator and comparison.NewEvaluator, whose
// stages are all on [-1, 1].
func Minimax() (minimax.Polynomial, error) {{
	for _, interval := range Intervals {{
		if interval != [2]string{{"-1", "1"}} {{
			return nil, fmt.Errorf("a stage is on %v: scale the input to [-1, 1]", interval)
		}}
	}}
	return minimax.NewPolynomial(Coefficients), nil
}}

// Polynomials are the stages for polynomial.Evaluator.
func Polynomials(prec uint) []bignum.Polynomial {{
	polynomials := make([]bignum.Polynomial, len(Coefficients))
	for i, row := range Coefficients {{
		coefficients := make([]*big.Float, len(row))
		for j := range row {{
			coefficients[j] = number(row[j], prec)
		}}
		interval := &bignum.Interval{{A: *number(Intervals[i][0], prec), B: *number(Intervals[i][1], prec)}}
		polynomials[i] = bignum.NewPolynomial(bignum.Chebyshev, coefficients, interval)
	}}
	return polynomials
}}

func number(text string, prec uint) *big.Float {{
	value, ok := new(big.Float).SetPrec(prec).SetString(text)
	if !ok {{
		panic("not a number: " + text)
	}}
	return value
}}

// Evaluate computes the approximation in the clear, by Clenshaw's recurrence.
func Evaluate(x float64) float64 {{
	const prec = 512
	argument := new(big.Float).SetPrec(prec).SetFloat64(x)
	value := new(big.Float).Set(argument)
	for i, row := range Coefficients {{
		low, high := number(Intervals[i][0], prec), number(Intervals[i][1], prec)
		width := new(big.Float).Sub(high, low)
		u := new(big.Float).Add(value, value)
		u.Sub(u, low).Sub(u, high).Quo(u, width)
		first, second := new(big.Float).SetPrec(prec), new(big.Float).SetPrec(prec)
		for k := len(row) - 1; k > 0; k-- {{
			next := new(big.Float).SetPrec(prec).Mul(u, first)
			next.Add(next, next).Sub(next, second).Add(next, number(row[k], prec))
			first, second = next, first
		}}
		value = new(big.Float).SetPrec(prec).Mul(u, first)
		value.Sub(value, second).Add(value, number(row[0], prec))
	}}
	switch Final {{
	case "x * (1 + value) / 2":
		value.Add(value, big.NewFloat(1)).Mul(value, argument).Quo(value, big.NewFloat(2))
	case "x * value":
		value.Mul(value, argument)
	case "(1 + value) / 2":
		value.Add(value, big.NewFloat(1)).Quo(value, big.NewFloat(2))
	}}
	result, _ := value.Add(value, number(Offset, prec)).Float64()
	return result
}}

// Points of the self-check: argument, value of the polynomial, value of the function.
var Points = [][3]float64{{
{points}
}}

// SelfCheck compares Evaluate with the stored values.
func SelfCheck(tolerance float64) error {{
	for _, point := range Points {{
		deviation := Evaluate(point[0]) - point[1]
		if deviation < 0 {{
			deviation = -deviation
		}}
		if !(deviation <= tolerance) {{
			return fmt.Errorf("at %v: deviation %v", point[0], deviation)
		}}
	}}
	return nil
}}
"""

FINALS = {
    "relu": "x * (1 + value) / 2",
    "abs": "x * value",
    "step": "(1 + value) / 2",
    "sign": "value",
}


def _write(job: Job) -> bytes:
    a = job.approximation
    chain_of(a)
    stages = [without_trailing_zeros(component) for component in a.components]
    composite = a.structure == "composite"
    coefficients, intervals = [], []
    for stage in stages:
        numbers = stage.coefficients if stage.degree else (*stage.coefficients[:1], ZERO)
        coefficients += ["\t{", *(f'\t\t"{decimal(c)}",' for c in numbers), "\t},"]
        low, high = stage.domain
        intervals.append(f'\t{{"{decimal(low)}", "{decimal(high)}"}},')
    about = (
        "// A composite is the bare sign: comparison.Evaluator.Step makes (1 + sign)/2 itself."
        if composite
        else "// The value of the last stage is the result."
    )
    return _FILE.format(
        comment="\n".join(f"// {line}".rstrip() for line in header(job)) + "\n//\n"
        f"// Package polyapprox holds {a.function} as polynomials for Lattigo.",
        about=about,
        coefficients="\n".join(coefficients),
        intervals="\n".join(intervals),
        final=FINALS[a.function] if composite else "value",
        offset=decimal(a.offset),
        points="\n".join(f"\t{line}" for line in curly.checks(job, decimal)),
    ).encode()


FORMAT = Format("lattigo", ".go", ("components",), "exact", "lattigo", "Lattigo v6 (Go)", _write)
