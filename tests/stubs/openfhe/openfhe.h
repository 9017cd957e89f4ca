// What exports use of OpenFHE's openfhe.h, computed in the clear: for compiling and running them.
#pragma once
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace lbcrypto {
struct DCRTPoly {};
using Vector = std::vector<double>;
template <class E> struct CiphertextImpl {
    Vector values;  // times what the scale really is over what it is called
    std::size_t level = 0, degree = 1, parts = 2;
    std::size_t GetLevel() const { return level; }
    std::size_t GetNoiseScaleDeg() const { return degree; }
    std::shared_ptr<CiphertextImpl> Clone() const { return std::make_shared<CiphertextImpl>(*this); }
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
enum ScalingTechnique { FIXEDMANUAL, FIXEDAUTO, FLEXIBLEAUTO, FLEXIBLEAUTOEXT };
enum SecretKeyDist { SPARSE_TERNARY, SPARSE_ENCAPSULATED, UNIFORM_TERNARY };

struct EncodingParamsImpl {
    std::uint32_t GetBatchSize() const { return 64; }
};

// Primes as far from the scale as a thousandth: mistakes show.
struct Tower {
    double prime;
    const Tower& GetModulus() const { return *this; }
    double ConvertToDouble() const { return prime; }
};
struct Towers {
    std::vector<std::shared_ptr<Tower>> all;
    const std::vector<std::shared_ptr<Tower>>& GetParams() const { return all; }
};
struct CryptoParametersBase {
    virtual ~CryptoParametersBase() = default;
};
struct CryptoParametersRNS : CryptoParametersBase {
    ScalingTechnique technique = FLEXIBLEAUTO;
    std::shared_ptr<Towers> towers = std::make_shared<Towers>();
    ScalingTechnique GetScalingTechnique() const { return technique; }
    double GetScalingFactorReal(std::uint32_t) const { return std::ldexp(1.0, 50); }
    std::shared_ptr<Towers> GetElementParams() const { return towers; }
};

template <class E> struct CryptoContextImpl {
    std::shared_ptr<CryptoParametersRNS> parameters = std::make_shared<CryptoParametersRNS>();
    explicit CryptoContextImpl(ScalingTechnique technique = FLEXIBLEAUTO, std::size_t depth = 40) {
        parameters->technique = technique;
        for (std::size_t i = 0; i <= depth; i++)
            parameters->towers->all.push_back(
                std::make_shared<Tower>(Tower{std::ldexp(1 + 0.001 * (static_cast<int>(i % 7) - 3), 50)}));
    }
    std::shared_ptr<CryptoParametersBase> GetCryptoParameters() const { return parameters; }
    std::shared_ptr<EncodingParamsImpl> GetEncodingParams() const { return std::make_shared<EncodingParamsImpl>(); }
    std::uint32_t GetRingDimension() const { return 128; }
    using C = Ciphertext<E>;
    using In = ConstCiphertext<E>;
    template <class F> C each(const In& a, F f) const {
        auto r = std::make_shared<CiphertextImpl<E>>(*a);
        for (std::size_t i = 0; i < r->values.size(); i++) r->values[i] = f(i);
        return r;
    }
    void check(bool right) const { if (!right) throw std::logic_error("wrong in OpenFHE"); }
    C EvalMult(In a, In b) const { return each(a, [&](std::size_t i) { return a->values[i] * b->values[i]; }); }
    C EvalMultNoRelin(In a, In b) const {
        check(a->parts == 2 && b->parts == 2 && a->degree == 1 && b->degree == 1);
        if (parameters->technique == FIXEDMANUAL) check(a->level == b->level);
        const C made = EvalMult(a, b);
        made->level = std::max(a->level, b->level);
        made->degree = 2;
        made->parts = 3;
        return made;
    }
    void RelinearizeInPlace(C& a) const {
        check(a->parts == 3);
        a->parts = 2;
    }
    C Rescale(In a) const {
        const auto& towers = parameters->towers->all;
        check(parameters->technique == FIXEDMANUAL && a->parts == 2 && a->degree == 2);
        const double ratio = towers[towers.size() - 1 - a->level]->prime / parameters->GetScalingFactorReal(0);
        const C made = each(a, [&](std::size_t i) { return a->values[i] / ratio; });
        made->level++;
        made->degree = 1;
        return made;
    }
    C Compress(In a, std::size_t) const {
        check(parameters->technique != FIXEDMANUAL && a->parts == 2);
        const C made = a->Clone();
        made->level += made->degree - 1;
        made->degree = 1;
        return made;
    }
    C LevelReduce(In a, std::nullptr_t, std::size_t drop) const {
        const C made = a->Clone();
        made->level += drop;
        return made;
    }
    void add(C& a, In b, double sign) const {
        if (parameters->technique == FIXEDMANUAL) check(a->level == b->level && a->degree == b->degree);
        for (std::size_t i = 0; i < a->values.size(); i++) a->values[i] += sign * b->values[i];
        a->parts = std::max(a->parts, b->parts);
        a->level = std::max(a->level, b->level);
        a->degree = std::max(a->degree, b->degree);
    }
    void EvalAddInPlace(C& a, In b) const { add(a, b, 1); }
    void EvalSubInPlace(C& a, In b) const { add(a, b, -1); }
    void EvalAddInPlace(C& a, double c) const { for (double& v : a->values) v += c; }
    void EvalNegateInPlace(C& a) const { for (double& v : a->values) v = -v; }
    void EvalMultInPlace(C& a, double c) const {
        check(a->degree == 1);
        for (double& v : a->values) v *= c;
        a->degree = 2;
    }
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
        return std::make_shared<CiphertextImpl<E>>(CiphertextImpl<E>{p->values, 0, 1, 2});
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
