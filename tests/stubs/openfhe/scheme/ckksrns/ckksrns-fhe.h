// What exports use of OpenFHE's ckksrns-fhe.h.
#pragma once
#include <cstdint>
#include <vector>

#include "openfhe.h"

namespace lbcrypto {
struct FHECKKSRNS {
    template <class Number>
    static std::uint32_t GetFEFBTDepth(
        const std::vector<std::uint32_t>&, const std::vector<Number>&, SecretKeyDist, std::uint32_t) {
        return 19;
    }
};
}  // namespace lbcrypto
