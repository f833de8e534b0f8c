/** 52-bit modular arithmetic with IFMA (q < 2^50). Products read the low 52 bits of their operands only. */
#pragma once
#include "avx512-common.h"

namespace he {
namespace {

constexpr u64 word52 = u64{1} << 52;

/** sum + the high or low 52 bits of a 104-bit product. */
HE_INLINE V high(V sum, V x, V y) { return _mm512_madd52hi_epu64(sum, x, y); }
HE_INLINE V low(V sum, V x, V y) { return _mm512_madd52lo_epu64(sum, x, y); }

struct Modulus {
  V q, twice, negative, mask, mu, wideMu, negativeInverse;
  HE_INLINE explicit Modulus(const FieldData& f)
      : q(all(f.modulus)),
        twice(all(2 * f.modulus)),
        negative(all(word52 - f.modulus)),
        mask(all(word52 - 1)),
        mu(all(f.barrett >> 12)),     // floor(2^52 / q)
        wideMu(all(f.barrett >> 2)),  // floor(2^62 / q)
        negativeInverse(all((0 - f.inverseOfWord) & (word52 - 1))) {}
};

HE_INLINE V masked(V x, const Modulus& m) { return _mm512_and_si512(x, m.mask); }

/** x w mod q, in [0, 2q) modulo 2^52, for x < 2^52. */
HE_INLINE V shoupDirty(V x, V w, V quotient, const Modulus& m) {
  return low(low(zero(), x, w), high(zero(), x, quotient), m.negative);
}
HE_INLINE V shoup(V x, V w, V quotient, const Modulus& m) { return once(masked(shoupDirty(x, w, quotient, m), m), m.q); }

/** x mod q in [0, 2q) modulo 2^52, for x < 2^52. */
HE_INLINE V barrettDirty(V x, const Modulus& m) { return low(x, high(zero(), x, m.mu), m.negative); }
HE_INLINE V barrett(V x, const Modulus& m) { return once(masked(barrettDirty(x, m), m), m.q); }

/** x mod q for x < 2^62: the estimate from the upper 52 bits leaves less than 3q. */
HE_INLINE V barrettWide(V x, const Modulus& m) {
  const V estimate = high(zero(), _mm512_srli_epi64(x, 10), m.wideMu);
  return once(once(masked(low(x, estimate, m.negative), m), m.twice), m.q);
}

/** (lo + 2^52 hi) / 2^52 mod q for sums of products: at most hi + lo / 2^52 + q. */
HE_INLINE V montgomery(V lo, V hi, const Modulus& m) {
  const V factor = low(zero(), lo, m.negativeInverse);
  return plus(high(hi, factor, m.q), _mm512_srli_epi64(low(lo, factor, m.q), 52));
}

}  // namespace
}  // namespace he
