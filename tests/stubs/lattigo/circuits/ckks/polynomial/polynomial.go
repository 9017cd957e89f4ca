// Package polynomial is what exports use of Lattigo's evaluator of polynomials, in the clear.
package polynomial

import (
	"fmt"
	"math/bits"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"
	"github.com/tuneinsight/lattigo/v6/utils/bignum"
)

type Evaluator struct{}

func NewEvaluator(params ckks.Parameters, eval *ckks.Evaluator) *Evaluator { return &Evaluator{} }

// Evaluate is a Chebyshev series on [-1, 1]; it panics on a constant, as Lattigo does.
func (Evaluator) Evaluate(x *rlwe.Ciphertext, p any, target rlwe.Scale) (*rlwe.Ciphertext, error) {
	coefficients := p.(bignum.Polynomial).Coeffs
	if len(coefficients) < 2 {
		panic("runtime error: negative shift amount")
	}
	levels := bits.Len(uint(len(coefficients) - 1))
	if x.Height < levels {
		return nil, fmt.Errorf("%d levels < %d log(d)", x.Height, levels)
	}
	out := x.CopyNew()
	out.Scale, out.Height = target, x.Height-levels
	for i, message := range x.Message {
		u, first, second := message/x.Scale.Float64(), 0.0, 0.0
		for k := len(coefficients) - 1; k > 0; k-- {
			c, _ := coefficients[k][0].Float64()
			first, second = 2*u*first-second+c, first
		}
		c, _ := coefficients[0][0].Float64()
		out.Message[i] = (u*first - second + c) * target.Float64()
	}
	return out, nil
}
