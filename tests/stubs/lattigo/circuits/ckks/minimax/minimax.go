// Package minimax declares what exports use of Lattigo's package of the same name, for go vet.
package minimax

import "github.com/tuneinsight/lattigo/v6/utils/bignum"

// Polynomial is a composition, innermost first.
type Polynomial []bignum.Polynomial

// NewPolynomial reads rows of decimals.
func NewPolynomial(coeffsStr [][]string) Polynomial {
	return make(Polynomial, len(coeffsStr))
}
