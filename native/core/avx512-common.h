/** Vectors of eight words. Everything in the headers of the vector paths is local to the file that includes them. */
#pragma once
// GCC 12 takes the undefined operand of its own intrinsics for a mistake of ours.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "kernel-table.h"

namespace he {
namespace {

using V = __m512i;

#define HE_INLINE [[gnu::always_inline]] inline
#define HE_INLINE_LAMBDA __attribute__((always_inline))
#define HE_UNROLL _Pragma("GCC unroll 16")

HE_INLINE V load(const u64* p) { return _mm512_load_si512(p); }
HE_INLINE void store(u64* p, V v) { _mm512_store_si512(p, v); }
HE_INLINE V all(u64 x) { return _mm512_set1_epi64(static_cast<long long>(x)); }
HE_INLINE V zero() { return _mm512_setzero_si512(); }
HE_INLINE V plus(V a, V b) { return _mm512_add_epi64(a, b); }
HE_INLINE V minus(V a, V b) { return _mm512_sub_epi64(a, b); }
/** x or x - bound, whichever is in [0, bound), for x < 2 bound: the wrong one is larger as an unsigned number. */
HE_INLINE V once(V x, V bound) { return _mm512_min_epu64(x, minus(x, bound)); }
HE_INLINE V negativeOnce(V x, V bound) { return _mm512_min_epu64(x, plus(x, bound)); }
HE_INLINE V pick(V a, V index, V b) { return _mm512_permutex2var_epi64(a, index, b); }
HE_INLINE V pair(const u64* p) { return _mm512_broadcast_i64x2(_mm_load_si128(reinterpret_cast<const __m128i*>(p))); }
HE_INLINE V quad(const u64* p) { return _mm512_broadcast_i64x4(_mm256_load_si256(reinterpret_cast<const __m256i*>(p))); }

HE_INLINE V lowerHalves(V a, V b) { return _mm512_shuffle_i64x2(a, b, 0x44); }
HE_INLINE V upperHalves(V a, V b) { return _mm512_shuffle_i64x2(a, b, 0xee); }
HE_INLINE V evenQuarters(V a, V b) { return _mm512_shuffle_i64x2(a, b, 0x88); }
HE_INLINE V oddQuarters(V a, V b) { return _mm512_shuffle_i64x2(a, b, 0xdd); }
HE_INLINE V middleSwapped(V a) { return _mm512_shuffle_i64x2(a, a, 0xd8); }
/** The lower word of each of the two lower quarters, the upper word of each of the two upper ones, twice each. */
HE_INLINE V spread(V a) { return _mm512_castpd_si512(_mm512_permute_pd(_mm512_castsi512_pd(a), 0xf0)); }
/** The lower word of the first and the third quarter, the upper one of the others. */
HE_INLINE V spreadAlternating(V a) { return _mm512_castpd_si512(_mm512_permute_pd(_mm512_castsi512_pd(a), 0xcc)); }

}  // namespace
}  // namespace he
