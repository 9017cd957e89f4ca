// Package rlwe is what exports use of Lattigo's rlwe; a ciphertext holds its message, value times scale.
package rlwe

type Scale struct{ value float64 }

func NewScale[T float64 | int | uint64](value T) Scale { return Scale{float64(value)} }
func (s Scale) Mul(other Scale) Scale                  { return Scale{s.value * other.value} }
func (s Scale) Div(other Scale) Scale                  { return Scale{s.value / other.value} }
func (s Scale) Float64() float64                       { return s.value }
func (s Scale) Cmp(other Scale) int {
	if s.value < other.value {
		return -1
	} else if s.value > other.value {
		return 1
	}
	return 0
}

type Ciphertext struct {
	Message []float64
	Scale   Scale
	Height  int
	Parts   int // the degree: parts but one
}

type Plaintext = Ciphertext

func (c *Ciphertext) Level() int { return c.Height }
func (c *Ciphertext) CopyNew() *Ciphertext {
	return &Ciphertext{append([]float64(nil), c.Message...), c.Scale, c.Height, c.Parts}
}

type SecretKey struct{}
type RelinearizationKey struct{}
type EvaluationKeySet struct{}
type KeyGenerator struct{}
type Encryptor struct{}
type Decryptor struct{}

func NewKeyGenerator(params any) *KeyGenerator   { return &KeyGenerator{} }
func (KeyGenerator) GenSecretKeyNew() *SecretKey { return &SecretKey{} }
func (KeyGenerator) GenRelinearizationKeyNew(*SecretKey) *RelinearizationKey {
	return &RelinearizationKey{}
}
func NewMemEvaluationKeySet(*RelinearizationKey) *EvaluationKeySet { return &EvaluationKeySet{} }
func NewEncryptor(params, key any) *Encryptor                      { return &Encryptor{} }
func NewDecryptor(params, key any) *Decryptor                      { return &Decryptor{} }
func (Encryptor) EncryptNew(p *Plaintext) (*Ciphertext, error) {
	made := p.CopyNew()
	made.Parts = 1
	return made, nil
}
func (Decryptor) DecryptNew(c *Ciphertext) *Plaintext { return c.CopyNew() }
