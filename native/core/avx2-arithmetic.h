/**
 * Exact modular arithmetic in doubles (q < 2^47). A product x w is h + l, both exact by a fused multiply-add; with b the rounded
 * quotient, h - b q is an integer below 2^53 and so exact too. For |x| <= 32 q and |w| <= q / 2 the quotient errs by less than
 * 1/2 + 1/4, so that products are below 3/4 q, of either sign.
 */
#pragma once
#include <immintrin.h>

#include "kernel-table.h"

namespace he {
namespace {

using D = __m256d;

#define HE_INLINE [[gnu::always_inline]] inline
#define HE_INLINE_LAMBDA __attribute__((always_inline))
#define HE_UNROLL _Pragma("GCC unroll 16")

constexpr std::size_t lanes = 4;

HE_INLINE D all(double x) { return _mm256_set1_pd(x); }
HE_INLINE D plus(D a, D b) { return _mm256_add_pd(a, b); }
HE_INLINE D minus(D a, D b) { return _mm256_sub_pd(a, b); }
HE_INLINE D rounded(D a) { return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/** Doubles kept in the memory of a limb between passes, and tables of them. */
HE_INLINE D load(const u64* p) { return _mm256_castsi256_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(p))); }
HE_INLINE void store(u64* p, D v) { _mm256_store_si256(reinterpret_cast<__m256i*>(p), _mm256_castpd_si256(v)); }
HE_INLINE D entry(const u64* p) { return _mm256_castsi256_pd(_mm256_set1_epi64x(static_cast<long long>(*p))); }

HE_INLINE __m256i loadWords(const u64* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
HE_INLINE D twoTo52() { return all(4503599627370496.0); }
/** Words below 2^52: in the last bits of a double of that size they are their own value. */
HE_INLINE D fromWords(__m256i x) { return minus(_mm256_or_pd(_mm256_castsi256_pd(x), twoTo52()), twoTo52()); }
HE_INLINE D loadValues(const u64* p) { return fromWords(loadWords(p)); }
/** Integers in [0, 2^52). */
HE_INLINE void storeValues(u64* p, D x) { store(p, _mm256_xor_pd(plus(x, twoTo52()), twoTo52())); }

struct Modulus {
  D q, inverse;
  double value;
  HE_INLINE explicit Modulus(const FieldData& f)
      : q(all(static_cast<double>(f.modulus))), inverse(all(1.0 / static_cast<double>(f.modulus))), value(static_cast<double>(f.modulus)) {}
};

struct Factor {
  D w, overQ;
};

HE_INLINE double centred(u64 w, u64 q) { return w > q / 2 ? -static_cast<double>(q - w) : static_cast<double>(w); }
HE_INLINE Factor factorOf(u64 w, const FieldData& f) {
  const double c = centred(w, f.modulus);
  return {all(c), all(c / static_cast<double>(f.modulus))};
}

HE_INLINE D product(D x, Factor w, const Modulus& m) {
  const D h = _mm256_mul_pd(x, w.w), l = _mm256_fmsub_pd(x, w.w, h), b = rounded(_mm256_mul_pd(x, w.overQ));
  return plus(_mm256_fnmadd_pd(b, m.q, h), l);
}
HE_INLINE D product(D x, D y, const Modulus& m) {
  const D h = _mm256_mul_pd(x, y), l = _mm256_fmsub_pd(x, y, h), b = rounded(_mm256_mul_pd(h, m.inverse));
  return plus(_mm256_fnmadd_pd(b, m.q, h), l);
}
/** To about -q/2 ... q/2. */
HE_INLINE D balanced(D x, const Modulus& m) { return _mm256_fnmadd_pd(rounded(_mm256_mul_pd(x, m.inverse)), m.q, x); }
/** To [0, q), from (-q, q). */
HE_INLINE D nonNegative(D x, const Modulus& m) { return plus(x, _mm256_and_pd(_mm256_cmp_pd(x, _mm256_setzero_pd(), _CMP_LT_OQ), m.q)); }
HE_INLINE D reduced(D x, const Modulus& m) { return nonNegative(balanced(x, m), m); }

/** Words up to 2^60 in two parts, 2^30 upper + lower. */
struct Parts {
  D upper, lower;
};
HE_INLINE Parts partsOf(__m256i x) {
  return {fromWords(_mm256_srli_epi64(x, 30)), fromWords(_mm256_and_si256(x, _mm256_set1_epi64x((1 << 30) - 1)))};
}
constexpr u64 partRadix = u64{1} << 30;
/** The most that a word may reach to enter a product as one double. */
constexpr u64 wholeBound = u64{1} << 51;

}  // namespace
}  // namespace he
