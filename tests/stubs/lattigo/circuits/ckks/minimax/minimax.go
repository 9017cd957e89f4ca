// Package minimax is what exports use of Lattigo's minimax.
package minimax

import (
	"math/big"

	"github.com/tuneinsight/lattigo/v6/utils/bignum"
)

type Polynomial []bignum.Polynomial

// NewPolynomial takes rows of decimals, Chebyshev on [-1, 1], c0 as it is.
func NewPolynomial(rows [][]string) Polynomial {
	polynomials := make(Polynomial, len(rows))
	for i, row := range rows {
		numbers := make([]*big.Float, len(row))
		for j, text := range row {
			value, ok := new(big.Float).SetPrec(256).SetString(text)
			if !ok {
				panic("not a number: " + text)
			}
			numbers[j] = value
		}
		polynomials[i] = bignum.NewPolynomial(bignum.Chebyshev, numbers, [2]float64{-1, 1})
	}
	return polynomials
}
