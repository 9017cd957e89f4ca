# SPDX-License-Identifier: Apache-2.0
"""Go code for Lattigo: the machine that takes the steps of a plan, the series, and the self-check."""

from __future__ import annotations

HEAD = """\
{comment}
package polyapprox

import (
	"fmt"
	"io"
	"math"
{imports}
	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"{more}
)

// Levels that Evaluate uses.
const Levels = {levels}

"""

PLAN = """\
// Evaluate runs the plan, operation by operation, on ciphertexts of any level from Levels on and of
// any scale, which it takes as the scale of the parameters: the result has level and scale set. The
// evaluator needs a relinearisation key.
func Evaluate(eval *ckks.Evaluator, {arguments} *rlwe.Ciphertext) (*rlwe.Ciphertext, error) {{
	on, err := newMachine(eval, {arguments})
	if err != nil {{
		return nil, err
	}}
{statements}
	return on.finished({result}, {scale})
}}

// machine takes steps on ciphertexts whose scale is always called that of the input; what the
// scale really is l levels down, over the first one, is scales[l], which goes into the constants.
type machine struct {{
	eval   *ckks.Evaluator
	unit   rlwe.Scale
	double rlwe.Scale
	scales []float64
	err    error
}}

func newMachine(eval *ckks.Evaluator, inputs ...*rlwe.Ciphertext) (*machine, error) {{
	params, first := eval.GetParameters(), inputs[0]
	if params.LevelsConsumedPerRescaling() != 1 {{
		return nil, fmt.Errorf("a scale beyond 2^60 takes two levels a rescaling: choose a smaller one")
	}}
	for _, input := range inputs {{
		if input.Level() < Levels {{
			return nil, fmt.Errorf("the input has level %d, %d are needed", input.Level(), Levels)
		}}
		if input.Level() != first.Level() || input.Scale.Cmp(first.Scale) != 0 {{
			return nil, fmt.Errorf("the inputs differ in level or scale")
		}}
	}}
	on := &machine{{eval: eval, unit: first.Scale, double: first.Scale.Mul(first.Scale), scales: []float64{{1}}}}
	unit := first.Scale.Float64()
	for l := 0; l < Levels; l++ {{
		ratio := float64(params.Q()[first.Level()-l]) / unit
		on.scales = append(on.scales, on.scales[l]*on.scales[l]/ratio)
	}}
	return on, nil
}}

func (on *machine) s(level int, power float64) float64 {{
	return math.Pow(on.scales[level], power)
}}

func (on *machine) fresh(level int, scale rlwe.Scale) *rlwe.Ciphertext {{
	made := ckks.NewCiphertext(*on.eval.GetParameters(), 1, level)
	made.Scale = scale
	return made
}}

func (on *machine) note(err error) {{
	if on.err == nil {{
		on.err = err
	}}
}}

func (on *machine) multiply(a, b *rlwe.Ciphertext) *rlwe.Ciphertext {{
	made, err := on.eval.MulNew(a, b)
	if err != nil {{
		on.note(err)
		return on.fresh(min(a.Level(), b.Level()), on.double)
	}}
	made.Scale = on.double
	return made
}}

func (on *machine) relinearise(a *rlwe.Ciphertext) {{
	on.note(on.eval.Relinearize(a, a))
}}

func (on *machine) square(a *rlwe.Ciphertext) *rlwe.Ciphertext {{
	return on.multiply(a, a)
}}

func (on *machine) rescale(a *rlwe.Ciphertext) *rlwe.Ciphertext {{
	made := on.fresh(a.Level()-1, on.unit)
	on.note(on.eval.Rescale(a, made))
	made.Scale = on.unit
	return made
}}

func (on *machine) scale(a *rlwe.Ciphertext, drop int, constant float64) *rlwe.Ciphertext {{
	made := on.fresh(a.Level()-drop, on.double)
	on.accumulate(made, a, drop, constant)
	return made
}}

func (on *machine) accumulate(total, a *rlwe.Ciphertext, drop int, constant float64) {{
	on.note(on.eval.MulThenAdd(a, constant, total))
}}

func (on *machine) copy(a *rlwe.Ciphertext) *rlwe.Ciphertext {{
	return a.CopyNew()
}}

func (on *machine) reduce(a *rlwe.Ciphertext, drop int) *rlwe.Ciphertext {{
	return on.eval.DropLevelNew(a, drop)
}}

func (on *machine) plus(a, b *rlwe.Ciphertext) {{
	on.note(on.eval.Add(a, b, a))
}}

func (on *machine) minus(a, b *rlwe.Ciphertext) {{
	on.note(on.eval.Sub(a, b, a))
}}

func (on *machine) double_(a *rlwe.Ciphertext) {{
	on.note(on.eval.Add(a, a, a))
}}

func (on *machine) negate(a *rlwe.Ciphertext) {{
	on.note(on.eval.Mul(a, -1, a))
}}

func (on *machine) shift(a *rlwe.Ciphertext, constant float64) {{
	on.note(on.eval.Add(a, constant, a))
}}

func (on *machine) finished(result *rlwe.Ciphertext, scale float64) (*rlwe.Ciphertext, error) {{
	if on.err != nil {{
		return nil, on.err
	}}
	made := result.CopyNew()
	made.Scale = on.unit.Mul(rlwe.NewScale(scale))
	return made, nil
}}
"""

SERIES = """\
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

const halved = {halved} // Final has the half of (1 + value): it goes into the last stage, exactly
const gated = {gated}  // Final has a product by x

// Evaluate runs the stages by Lattigo's own evaluator of polynomials, on a ciphertext of any level
// from Levels on; it brings the argument of each stage to [-1, 1] itself. The evaluator needs a
// relinearisation key; nothing is bootstrapped.
func Evaluate(eval *ckks.Evaluator, x *rlwe.Ciphertext) (*rlwe.Ciphertext, error) {{
	if x.Level() < Levels {{
		return nil, fmt.Errorf("the input has level %d, %d are needed", x.Level(), Levels)
	}}
	params := *eval.GetParameters()
	stages, value := Polynomials(params.EncodingPrecision()), x
	var err error
	for i, stage := range stages {{
		if value, err = unit(eval, value, i); err != nil {{
			return nil, err
		}}
		if value, err = series(eval, value, stage.Coeffs); err != nil {{
			return nil, err
		}}
	}}
	if gated {{
		if value, err = eval.MulRelinNew(x, value); err != nil {{
			return nil, err
		}}
		if err = eval.Rescale(value, value); err != nil {{
			return nil, err
		}}
	}}
	if number(Offset, 512).Sign() != 0 {{
		return eval.AddNew(value, number(Offset, 512))
	}}
	return value, nil
}}

// unit maps the interval of a stage to [-1, 1]: one level, unless it is that already.
func unit(eval *ckks.Evaluator, x *rlwe.Ciphertext, stage int) (*rlwe.Ciphertext, error) {{
	if Intervals[stage] == [2]string{{"-1", "1"}} || len(Coefficients[stage]) == 1 {{
		return x, nil
	}}
	slope, shift := change(stage, 512)
	made := ckks.NewCiphertext(*eval.GetParameters(), 1, x.Level())
	made.Scale = x.Scale.Mul(rlwe.NewScale(eval.GetParameters().Q()[x.Level()]))
	if err := eval.MulThenAdd(x, slope, made); err != nil {{
		return nil, err
	}}
	if err := eval.Rescale(made, made); err != nil {{
		return nil, err
	}}
	return made, eval.Add(made, shift, made)
}}

// change is the map u = slope·x + shift from the interval of a stage to [-1, 1].
func change(stage int, prec uint) (slope, shift *big.Float) {{
	low, high := number(Intervals[stage][0], prec), number(Intervals[stage][1], prec)
	width := new(big.Float).Sub(high, low)
	slope = new(big.Float).Quo(big.NewFloat(2).SetPrec(prec), width)
	shift = new(big.Float).Add(low, high)
	return slope, shift.Quo(shift, width).Neg(shift)
}}

// series is one stage at u; a constant, on which Lattigo's evaluator panics, apart.
func series(eval *ckks.Evaluator, u *rlwe.Ciphertext, coefficients []*bignum.Complex) (*rlwe.Ciphertext, error) {{
	if len(coefficients) == 1 {{
		made, err := eval.SubNew(u, u)
		if err != nil {{
			return nil, err
		}}
		return made, eval.Add(made, coefficients[0][0], made)
	}}
	params := *eval.GetParameters()
	stage := bignum.NewPolynomial(bignum.Chebyshev, coefficients, [2]float64{{-1, 1}})
	return polynomial.NewEvaluator(params, eval).Evaluate(u, stage, params.DefaultScale())
}}

// Minimax is the composite for minimax.Evaluator and comparison.NewEvaluator, in the unit variable
// of the first stage: give it slope·x + shift of UnitMap. Later stages are on centred intervals
// [-W, W]; each is divided by the W of the next one.
func Minimax() (minimax.Polynomial, error) {{
	const prec = 512
	rows := make([][]string, len(Coefficients))
	for i, row := range Coefficients {{
		divisor := big.NewFloat(1).SetPrec(prec)
		if i+1 < len(Coefficients) {{
			low, high := number(Intervals[i+1][0], prec), number(Intervals[i+1][1], prec)
			if new(big.Float).Add(low, high).Sign() != 0 {{
				return nil, fmt.Errorf("stage %d is on an interval that is not centred: use Evaluate", i+1)
			}}
			divisor = high
		}}
		for _, text := range row {{
			rows[i] = append(rows[i], new(big.Float).Quo(number(text, prec), divisor).Text('p', 0))
		}}
	}}
	return minimax.NewPolynomial(rows), nil
}}

// UnitMap is the map of the first stage's interval to [-1, 1]: slope and shift.
func UnitMap() (slope, shift float64) {{
	a, b := change(0, 512)
	slope, _ = a.Float64()
	shift, _ = b.Float64()
	return slope, shift
}}

// Polynomials are the stages as Evaluate runs them, with (1 + value)/2 in the last where Final has it.
func Polynomials(prec uint) []bignum.Polynomial {{
	polynomials := make([]bignum.Polynomial, len(Coefficients))
	for i, row := range Coefficients {{
		coefficients := make([]*big.Float, len(row))
		for j := range row {{
			coefficients[j] = number(row[j], prec)
			if halved && i == len(Coefficients)-1 {{
				if j == 0 {{
					coefficients[j].Add(coefficients[j], big.NewFloat(1))
				}}
				coefficients[j].Quo(coefficients[j], big.NewFloat(2))
			}}
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
"""

CHECK = """
// Points of the self-check: argument{s}, value of the polynomial, value of the function, proven bound
// of the difference.
var Points = [][{columns}]float64{{
{points}
}}

// SelfCheck encrypts the points, evaluates, decrypts, says PASS or FAIL, and returns the exit code.
// Its parameters are for a test and are not secure: choose your own for use.
func SelfCheck(out io.Writer) int {{
	const scaleBits, noise = {scale_bits}, {noise} // the noise is a forecast
	params, err := testParameters(scaleBits)
	if err != nil {{
		fmt.Fprintln(out, "FAIL:", err)
		return 1
	}}
	keys := rlwe.NewKeyGenerator(params)
	secret := keys.GenSecretKeyNew()
	eval := ckks.NewEvaluator(params, rlwe.NewMemEvaluationKeySet(keys.GenRelinearizationKeyNew(secret)))
	encoder, encryptor := ckks.NewEncoder(params), rlwe.NewEncryptor(params, secret)
	var inputs [{inputs}]*rlwe.Ciphertext
	for i := range inputs {{
		column := make([]float64, params.MaxSlots()) // all of them: 0 may lie outside the interval
		for j := range column {{
			column[j] = Points[j%len(Points)][i]
		}}
		plaintext := ckks.NewPlaintext(params, params.MaxLevel())
		if err = encoder.Encode(column, plaintext); err == nil {{
			inputs[i], err = encryptor.EncryptNew(plaintext)
		}}
		if err != nil {{
			fmt.Fprintln(out, "FAIL:", err)
			return 1
		}}
	}}
	result, err := Evaluate(eval, {given})
	if err != nil {{
		fmt.Fprintln(out, "FAIL:", err)
		return 1
	}}
	values := make([]float64, params.MaxSlots())
	if err = encoder.Decode(rlwe.NewDecryptor(params, secret).DecryptNew(result), values); err != nil {{
		fmt.Fprintln(out, "FAIL:", err)
		return 1
	}}
	excess, deviation := math.Inf(-1), 0.0
	for i, point := range Points {{
		rest := point[{inputs}:]
		excess = math.Max(excess, math.Abs(values[i]-rest[1])-rest[2])
		deviation = math.Max(deviation, math.Abs(values[i]-rest[0]))
	}}
	levels := params.MaxLevel() - result.Level()
	fmt.Fprintf(out, "levels used %d of %d; largest deviation from the polynomial %.3g\\n", levels, Levels, deviation)
	if !(excess <= noise) || levels != Levels {{
		fmt.Fprintf(out, "FAIL: beyond the bound by %.3g, noise forecast %.3g\\n", excess, noise)
		return 1
	}}
	fmt.Fprintf(out, "PASS: within bound and noise (%.3g)\\n", noise)
	return 0
}}

func testParameters(scaleBits int) (ckks.Parameters, error) {{
	logQ := []int{{60}}
	for i := 0; i < Levels; i++ {{
		logQ = append(logQ, scaleBits)
	}}
	return ckks.NewParametersFromLiteral(ckks.ParametersLiteral{{
		LogN: {log_n}, LogQ: logQ, LogP: []int{{61, 61}}, LogDefaultScale: scaleBits,
	}})
}}
"""
