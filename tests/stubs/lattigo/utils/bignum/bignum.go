// Package bignum is what exports use of Lattigo's bignum.
package bignum

import "math/big"

type Basis int

const Chebyshev = Basis(1)

type Complex [2]*big.Float

type Interval struct{ A, B big.Float }

type Polynomial struct{ Coeffs []*Complex }

// NewPolynomial takes coefficients low to high, c0 as it is.
func NewPolynomial(basis Basis, coefficients, interval any) Polynomial {
	switch given := coefficients.(type) {
	case []*big.Float:
		made := make([]*Complex, len(given))
		for i, number := range given {
			made[i] = &Complex{number, new(big.Float)}
		}
		return Polynomial{made}
	case []*Complex:
		return Polynomial{given}
	}
	panic("invalid coefficients")
}
