// What exports use of OpenFHE's openfhe.h, computed in the clear: for compiling and running them.
#pragma once
#include <cmath>
#include <complex>
#include <cstdint>
#include <memory>
#include <vector>

namespace lbcrypto {
struct DCRTPoly {};
using Vector = std::vector<double>;
template <class E> struct CiphertextImpl {
    Vector values;
    std::size_t GetLevel() const { return 0; }
    std::size_t GetNoiseScaleDeg() const { return 1; }
};
template <class E> using Ciphertext = std::shared_ptr<CiphertextImpl<E>>;
template <class E> using ConstCiphertext = std::shared_ptr<const CiphertextImpl<E>>;
struct PlaintextImpl {
    Vector values;
    void SetLength(std::size_t n) { values.resize(n); }
    std::vector<double> GetRealPackedValue() const { return values; }
};
using Plaintext = std::shared_ptr<PlaintextImpl>;
template <class E> using PublicKey = std::shared_ptr<E>;
template <class E> using PrivateKey = std::shared_ptr<E>;
template <class E> struct KeyPair { PublicKey<E> publicKey; PrivateKey<E> secretKey; };
struct DecryptResult {};
enum PKESchemeFeature { PKE, KEYSWITCH, LEVELEDSHE, ADVANCEDSHE, FHE };
enum SecurityLevel { HEStd_NotSet };
enum ScalingTechnique { FLEXIBLEAUTO };
enum SecretKeyDist { SPARSE_TERNARY, SPARSE_ENCAPSULATED, UNIFORM_TERNARY };

struct EncodingParamsImpl {
    std::uint32_t GetBatchSize() const { return 64; }
};

template <class E> struct CryptoContextImpl {
    std::shared_ptr<EncodingParamsImpl> GetEncodingParams() const { return std::make_shared<EncodingParamsImpl>(); }
    using C = Ciphertext<E>;
    using In = ConstCiphertext<E>;
    template <class F> C each(const In& a, F f) const {
        auto r = std::make_shared<CiphertextImpl<E>>(*a);
        for (std::size_t i = 0; i < r->values.size(); i++) r->values[i] = f(i);
        return r;
    }
    C EvalMult(In a, In b) const { return each(a, [&](std::size_t i) { return a->values[i] * b->values[i]; }); }
    C EvalAdd(In a, In b) const { return each(a, [&](std::size_t i) { return a->values[i] + b->values[i]; }); }
    C EvalSub(In a, In b) const { return each(a, [&](std::size_t i) { return a->values[i] - b->values[i]; }); }
    C EvalMult(In a, double c) const { return each(a, [&](std::size_t i) { return a->values[i] * c; }); }
    C EvalAdd(In a, double c) const { return each(a, [&](std::size_t i) { return a->values[i] + c; }); }
    C EvalChebyshevSeries(In a, const std::vector<double>& c, double low, double high) const {
        return each(a, [&](std::size_t i) {  // c_0/2 + sum c_k T_k, as OpenFHE does
            const double u = (2 * a->values[i] - low - high) / (high - low);
            double first = 0, second = 0;
            for (std::size_t k = c.size() - 1; k > 0; k--) {
                const double next = 2 * u * first - second + c[k];
                second = first;
                first = next;
            }
            return u * first - second + c[0] / 2;
        });
    }
    C EvalFEFuncBootstrap(In a, const std::vector<std::complex<double>>& z) const {  // 2 Re sum z_j e^{i pi j m}
        return each(a, [&](std::size_t i) {
            const std::complex<double> wave = std::polar(1.0, std::acos(-1.0) * a->values[i]);
            std::complex<double> total = 0.0;
            for (std::size_t j = z.size(); j-- > 0;) total = total * wave + z[j];
            return 2 * total.real();
        });
    }
    void EvalFEFuncBootstrapSetup(const std::vector<std::uint32_t>&, const std::vector<std::uint32_t>&, std::uint32_t) {}
    void EvalBootstrapKeyGen(const PrivateKey<E>&, std::uint32_t) {}
    void EvalMultKeyGen(const PrivateKey<E>&) {}
    void Enable(PKESchemeFeature) {}
    KeyPair<E> KeyGen() const { return {}; }
    Plaintext MakeCKKSPackedPlaintext(const std::vector<double>& v, std::size_t = 1, std::uint32_t = 0) const {
        return std::make_shared<PlaintextImpl>(PlaintextImpl{v});
    }
    C Encrypt(const PublicKey<E>&, const Plaintext& p) const {
        return std::make_shared<CiphertextImpl<E>>(CiphertextImpl<E>{p->values});
    }
    DecryptResult Decrypt(const PrivateKey<E>&, In c, Plaintext* p) const {
        *p = std::make_shared<PlaintextImpl>(PlaintextImpl{c->values});
        return {};
    }
};
template <class E> using CryptoContext = std::shared_ptr<CryptoContextImpl<E>>;
struct CryptoContextCKKSRNS {};
template <class T> struct CCParams {
    void SetMultiplicativeDepth(std::uint32_t) {}
    void SetScalingModSize(std::uint32_t) {}
    void SetFirstModSize(std::uint32_t) {}
    void SetSecurityLevel(SecurityLevel) {}
    void SetRingDim(std::uint32_t) {}
    void SetBatchSize(std::uint32_t) {}
    void SetSecretKeyDist(SecretKeyDist) {}
    void SetScalingTechnique(ScalingTechnique) {}
};
inline CryptoContext<DCRTPoly> GenCryptoContext(const CCParams<CryptoContextCKKSRNS>&) {
    return std::make_shared<CryptoContextImpl<DCRTPoly>>();
}
}  // namespace lbcrypto
