// Package bignum declares what exports use of Lattigo's package of the same name, for go vet.
package bignum

import "math/big"

// Basis of a polynomial.
type Basis int

// Chebyshev is the only basis that exports use.
const Chebyshev Basis = 1

// Interval is where a polynomial is expanded.
type Interval struct {
	Nodes int
	A, B  big.Float
}

// Polynomial holds coefficients.
type Polynomial struct {
	Basis
	Interval Interval
	Coeffs   []*big.Float
}

// NewPolynomial takes []*big.Float and *Interval here; Lattigo takes more types.
func NewPolynomial(basis Basis, coeffs interface{}, interval interface{}) Polynomial {
	return Polynomial{basis, *interval.(*Interval), coeffs.([]*big.Float)}
}
