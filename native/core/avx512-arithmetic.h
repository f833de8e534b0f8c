/** 64-bit modular arithmetic with AVX-512 (q < 2^60), from products of 32-bit halves. */
#pragma once
#include <cstring>

#include "avx512-common.h"

namespace he {
namespace {

/** Product of the low halves. */
HE_INLINE V half(V a, V b) { return _mm512_mul_epu32(a, b); }
HE_INLINE V upper(V a) { return _mm512_srli_epi64(a, 32); }
HE_INLINE V lowProduct(V a, V b) { return _mm512_mullo_epi64(a, b); }

/** A factor w: low holds floor(w 2^63 / q), of which the low half counts, high its upper half (what stands above is not read). */
struct Root {
  V value, low, high;
};

HE_INLINE Root rootOf(Constant c) { return {all(c.value), all(c.quotient >> 1), all(c.quotient >> 33)}; }

struct Modulus {
  V q, twice, four, lowHalves, inverse;
  HE_INLINE explicit Modulus(const FieldData& f)
      : q(all(f.modulus)), twice(all(2 * f.modulus)), four(all(4 * f.modulus)), lowHalves(all(0xffffffff)), inverse(all(f.inverseOfWord)) {}
};

/**
 * floor(x w / q) or up to 3 less, for x < 2^63: the product of the low halves is left out (less than 2), two roundings cost less
 * than 1 each. The sum of the two middle products is below 2^64, as the quotient is below 2^63.
 */
HE_INLINE V quotient(V x, Root w) {
  const V top = upper(x), middle = plus(half(top, w.low), half(x, w.high)), whole = half(top, w.high);
  return plus(plus(whole, whole), _mm512_srli_epi64(middle, 31));
}

/** x w mod q in [0, 4q), for x < 2^63. */
HE_INLINE V lazyProduct(V x, Root w, const Modulus& m) { return minus(lowProduct(x, w.value), lowProduct(quotient(x, w), m.q)); }
HE_INLINE V settled(V x, const Modulus& m) { return once(once(x, m.twice), m.q); }
HE_INLINE V product(V x, Root w, const Modulus& m) { return settled(lazyProduct(x, w, m), m); }
/** x mod q for x < 2^63; one = the root 1. */
HE_INLINE V reduced(V x, Root one, const Modulus& m) { return settled(minus(x, lowProduct(quotient(x, one), m.q)), m); }

/** The upper word of x q, exactly. */
HE_INLINE V highTimesModulus(V x, const Modulus& m) {
  const V x1 = upper(x), q1 = upper(m.q);
  const V first = plus(half(x1, m.q), upper(half(x, m.q)));
  const V second = plus(half(x, q1), _mm512_and_si512(first, m.lowHalves));
  return plus(half(x1, q1), plus(upper(first), upper(second)));
}

/** Sum of up to eight products of residues, in parts that cannot overflow: low + 2^32 middle + 2^64 high. */
struct WideSum {
  V low = zero(), middle = zero(), high = zero();

  HE_INLINE void add(V x, V y, const Modulus& m) {
    const V x1 = upper(x), y1 = upper(y), bottom = half(x, y);
    low = plus(low, _mm512_and_si512(bottom, m.lowHalves));
    middle = plus(middle, plus(plus(half(x1, y), half(x, y1)), upper(bottom)));
    high = plus(high, half(x1, y1));
  }

  /** The sum / 2^64 mod q. */
  HE_INLINE V montgomery(Root one, const Modulus& m) const {
    const V shifted = _mm512_slli_epi64(middle, 32), word = plus(shifted, low);
    const V carry = _mm512_maskz_set1_epi64(_mm512_cmplt_epu64_mask(word, shifted), 1);
    const V top = plus(plus(high, upper(middle)), carry);
    const V factor = lowProduct(word, m.inverse);
    return reduced(minus(plus(top, m.q), highTimesModulus(factor, m)), one, m);
  }
};

/** The products as `WordTransforms` wants them. */
struct HalfProducts {
  using Root = he::Root;
  const Modulus m;
  HE_INLINE explicit HalfProducts(const FieldData& f) : m(f) {}
  HE_INLINE static Root same(const Roots& table, std::size_t at) {
    u64 shifted;
    // Never the last entry of a table: those are read by vectors.
    std::memcpy(&shifted, reinterpret_cast<const unsigned char*>(table.quotient + at) + 4, sizeof shifted);
    return {all(table.value[at]), all(table.quotient[at]), all(shifted)};
  }
  HE_INLINE static Root root(V value, V halved) { return {value, halved, upper(halved)}; }
  HE_INLINE static Root rootOf(Constant c) { return he::rootOf(c); }
  HE_INLINE V lazy(V x, Root w) const { return lazyProduct(x, w, m); }
};

}  // namespace
}  // namespace he
