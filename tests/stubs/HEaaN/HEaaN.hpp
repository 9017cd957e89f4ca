// What exports use of HEaaN, with the signatures of its HomEvaluator, computed in the clear, levels counted.
#pragma once
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

namespace HEaaN {
using u64 = std::uint64_t;
using Real = double;
using Complex = std::complex<double>;
struct Context {};
inline u64 getLogFullSlots(const Context&) { return 12; }
class Message {
public:
    explicit Message(u64 log_slots, Complex initial = Complex(0.0, 0.0))
        : values(std::size_t{1} << log_slots, initial) {}
    Complex& operator[](u64 i) { return values[i]; }
    std::vector<Complex> values;
};
class SecretKey {};
class Ciphertext {
public:
    explicit Ciphertext(const Context&) {}
    u64 getLogSlots() const {
        u64 log = 0;
        while ((std::size_t{1} << log) < values.size()) log++;
        return log;
    }
    u64 getLevel() const { return level; }
    std::vector<Complex> values;
    u64 level = 60;  // left; a product takes one, but by an integer
};
class HomEvaluator {
public:
    const Context& getContext() const { return context_; }
    void mult(const Ciphertext& a, const Ciphertext& b, Ciphertext& r) const {
        std::vector<Complex> v(a.values);
        for (std::size_t i = 0; i < v.size(); i++) v[i] *= b.values[i];
        r.values = v;
        r.level = std::min(a.level, b.level) - 1;
    }
    void mult(const Ciphertext& a, const Message& m, Ciphertext& r) const {
        std::vector<Complex> v(a.values);
        for (std::size_t i = 0; i < v.size(); i++) v[i] *= m.values[i];
        r.values = v;
        r.level = a.level - 1;
    }
    void mult(const Ciphertext& a, const Complex& c, Ciphertext& r) const {
        const double n = std::nearbyint(c.real());  // as documented: integers within 1e-8
        const Complex used = std::abs(c.real() - n) <= 1e-8 ? Complex(n, 0.0) : c;
        std::vector<Complex> v(a.values);
        for (Complex& x : v) x *= used;
        r.values = v;
        r.level = a.level - (used.real() != n);
    }
    void add(const Ciphertext& a, const Ciphertext& b, Ciphertext& r) const {
        std::vector<Complex> v(a.values);
        for (std::size_t i = 0; i < v.size(); i++) v[i] += b.values[i];
        r.values = v;
        r.level = std::min(a.level, b.level);
    }
    void add(const Ciphertext& a, const Complex& c, Ciphertext& r) const {
        std::vector<Complex> v(a.values);
        for (Complex& x : v) x += c;
        r.values = v;
        r.level = a.level;
    }
    void sub(const Ciphertext& a, const Ciphertext& b, Ciphertext& r) const {
        std::vector<Complex> v(a.values);
        for (std::size_t i = 0; i < v.size(); i++) v[i] -= b.values[i];
        r.values = v;
        r.level = std::min(a.level, b.level);
    }

private:
    Context context_;
};
class Encryptor {
public:
    void encrypt(const Message& m, const SecretKey&, Ciphertext& c) const { c.values = m.values; }
};
class Decryptor {
public:
    void decrypt(const Ciphertext& c, const SecretKey&, Message& m) const { m.values = c.values; }
};
}  // namespace HEaaN
