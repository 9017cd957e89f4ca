// Package ckks is what exports use of Lattigo's ckks, computed on messages in the clear: products
// multiply scales, a rescaling divides by a prime that is not the scale, sums do not look at scales.
package ckks

import (
	"fmt"
	"math/big"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
)

const slots = 64

type ParametersLiteral struct {
	LogN            int
	LogQ, LogP      []int
	LogDefaultScale int
}

type Parameters struct {
	primes []uint64
	bits   int
}

// NewParametersFromLiteral makes moduli as far from the scale as a thousandth: mistakes show.
func NewParametersFromLiteral(l ParametersLiteral) (Parameters, error) {
	made := Parameters{bits: l.LogDefaultScale}
	for i, bits := range l.LogQ {
		made.primes = append(made.primes, uint64(float64(uint64(1)<<bits)*(1+0.001*float64(i%7-3))))
	}
	return made, nil
}

func (p Parameters) Q() []uint64                     { return p.primes }
func (p Parameters) MaxLevel() int                   { return len(p.primes) - 1 }
func (p Parameters) MaxSlots() int                   { return slots }
func (p Parameters) EncodingPrecision() uint         { return 64 }
func (p Parameters) LevelsConsumedPerRescaling() int { return 1 }
func (p Parameters) DefaultScale() rlwe.Scale {
	return rlwe.NewScale(float64(uint64(1) << p.bits))
}

func NewCiphertext(p Parameters, degree, level int) *rlwe.Ciphertext {
	return &rlwe.Ciphertext{Message: make([]float64, slots), Scale: p.DefaultScale(), Height: level, Parts: degree}
}
func NewPlaintext(p Parameters, level int) *rlwe.Plaintext { return NewCiphertext(p, 0, level) }

type Encoder struct{}

func NewEncoder(Parameters) *Encoder { return &Encoder{} }
func (Encoder) Encode(values []float64, p *rlwe.Plaintext) error {
	for i, value := range values {
		p.Message[i] = value * p.Scale.Float64()
	}
	return nil
}
func (Encoder) Decode(p *rlwe.Plaintext, values []float64) error {
	for i := range values {
		values[i] = p.Message[i] / p.Scale.Float64()
	}
	return nil
}

type Evaluator struct{ params Parameters }

func NewEvaluator(p Parameters, keys *rlwe.EvaluationKeySet) *Evaluator { return &Evaluator{p} }
func (e Evaluator) GetParameters() *Parameters                          { return &e.params }

func number(x any) float64 {
	switch value := x.(type) {
	case float64:
		return value
	case int:
		return float64(value)
	case *big.Float:
		near, _ := value.Float64()
		return near
	}
	panic(fmt.Sprintf("not a scalar: %T", x))
}

func (e Evaluator) each(a *rlwe.Ciphertext, b any, out *rlwe.Ciphertext, scalar float64, f func(x, y float64) float64) error {
	for i, x := range a.Message {
		if other, ok := b.(*rlwe.Ciphertext); ok {
			out.Message[i] = f(x, other.Message[i])
			out.Height = min(a.Height, other.Height)
			out.Parts = max(a.Parts, other.Parts)
		} else {
			out.Message[i] = f(x, number(b)*scalar)
			out.Height = a.Height
		}
	}
	return nil
}

func (e Evaluator) Add(a *rlwe.Ciphertext, b any, out *rlwe.Ciphertext) error {
	scale := a.Scale
	err := e.each(a, b, out, scale.Float64(), func(x, y float64) float64 { return x + y })
	out.Scale = scale
	return err
}
func (e Evaluator) AddNew(a *rlwe.Ciphertext, b any) (*rlwe.Ciphertext, error) {
	out := a.CopyNew()
	return out, e.Add(a, b, out)
}
func (e Evaluator) Sub(a *rlwe.Ciphertext, b any, out *rlwe.Ciphertext) error {
	return e.each(a, b, out, a.Scale.Float64(), func(x, y float64) float64 { return x - y })
}
func (e Evaluator) SubNew(a *rlwe.Ciphertext, b any) (*rlwe.Ciphertext, error) {
	out := a.CopyNew()
	return out, e.Sub(a, b, out)
}
func (e Evaluator) Mul(a *rlwe.Ciphertext, b any, out *rlwe.Ciphertext) error {
	return e.each(a, b, out, 1, func(x, y float64) float64 { return x * y })
}
func (e Evaluator) MulNew(a *rlwe.Ciphertext, b any) (*rlwe.Ciphertext, error) {
	out := a.CopyNew()
	if other := b.(*rlwe.Ciphertext); a.Parts+other.Parts != 2 {
		return nil, fmt.Errorf("a factor is not relinearised")
	}
	err := e.MulRelin(a, b, out)
	out.Parts = 2
	return out, err
}
func (e Evaluator) Relinearize(a, out *rlwe.Ciphertext) error {
	if a.Parts != 2 {
		return fmt.Errorf("cannot relinearize degree %d", a.Parts)
	}
	*out = *a
	out.Parts = 1
	return nil
}
func (e Evaluator) MulRelin(a *rlwe.Ciphertext, b any, out *rlwe.Ciphertext) error {
	out.Scale = a.Scale.Mul(b.(*rlwe.Ciphertext).Scale)
	return e.each(a, b, out, 1, func(x, y float64) float64 { return x * y })
}
func (e Evaluator) MulRelinNew(a *rlwe.Ciphertext, b any) (*rlwe.Ciphertext, error) {
	out := a.CopyNew()
	return out, e.MulRelin(a, b, out)
}
func (e Evaluator) MulThenAdd(a *rlwe.Ciphertext, constant any, out *rlwe.Ciphertext) error {
	if a.Scale.Cmp(out.Scale) >= 0 {
		return fmt.Errorf("the scale of the sum must be larger")
	}
	factor := number(constant) * out.Scale.Div(a.Scale).Float64()
	for i, x := range a.Message {
		out.Message[i] += x * factor
	}
	out.Height = min(a.Height, out.Height)
	return nil
}
func (e Evaluator) Rescale(a, out *rlwe.Ciphertext) error {
	if a.Height < 1 {
		return fmt.Errorf("no level is left")
	}
	if a.Parts != 1 {
		return fmt.Errorf("not relinearised")
	}
	prime := float64(e.params.primes[a.Height])
	for i, x := range a.Message {
		out.Message[i] = x / prime
	}
	out.Scale, out.Height = a.Scale.Div(rlwe.NewScale(prime)), a.Height-1
	return nil
}
func (e Evaluator) DropLevelNew(a *rlwe.Ciphertext, levels int) *rlwe.Ciphertext {
	out := a.CopyNew()
	out.Height -= levels
	return out
}
