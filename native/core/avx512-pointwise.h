/** The kernels that are the same for both AVX-512 paths. */
#pragma once
#include "avx512-common.h"

namespace he {
namespace {

void addLimb(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const V q = all(f.modulus);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, once(plus(load(a + i), load(b + i)), q));
}

void subtractLimb(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const V q = all(f.modulus);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, negativeOnce(minus(load(a + i), load(b + i)), q));
}

void negateLimb(const FieldData& f, u64* dst, const u64* a, std::size_t n) {
  const V q = all(f.modulus);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, once(minus(q, load(a + i)), q));
}

HE_INLINE V lanesOf(const Automorphism& p, std::size_t v) { return load(p.lanes[p.pattern[v]]); }

void permuteLimb(const Automorphism& p, u64* dst, const u64* src) {
  for (std::size_t v = 0; v < p.degree / 8; v++)
    store(dst + 8 * v, _mm512_permutexvar_epi64(lanesOf(p, v), load(src + 8 * std::size_t{p.block[v]})));
}

void permuteAddLimb(const FieldData& f, const Automorphism& p, u64* dst, const u64* src, const u64* addend) {
  const V q = all(f.modulus);
  for (std::size_t v = 0; v < p.degree / 8; v++) {
    const V moved = _mm512_permutexvar_epi64(lanesOf(p, v), load(src + 8 * std::size_t{p.block[v]}));
    store(dst + 8 * v, once(plus(moved, load(addend + 8 * v)), q));
  }
}

template <bool adds, bool permutes, class Difference>
HE_INLINE void differences(const FieldData& f, const Difference& difference, u64* dst, const u64* a, const u64* b, const u64* addend,
                           const Automorphism* p) {
  const V q = all(f.modulus);
  const std::size_t blocks = f.degree / 8;
  for (std::size_t v = 0; v < blocks; v++) {
    const std::size_t from = 8 * (permutes ? std::size_t{p->block[v]} : v);
    V value = difference(load(a + from), load(b + from));
    if constexpr (adds) value = once(plus(value, load(addend + from)), q);
    if constexpr (permutes) value = _mm512_permutexvar_epi64(lanesOf(*p, v), value);
    store(dst + 8 * v, value);
  }
}

/** `Field::subtractScaleAdd`, given (a - b) c of vectors. */
template <class Difference>
void endOfRotation(const FieldData& f, const Difference& d, u64* dst, const u64* a, const u64* b, const u64* addend, const Automorphism* p) {
  if (addend != nullptr)
    p != nullptr ? differences<true, true>(f, d, dst, a, b, addend, p) : differences<true, false>(f, d, dst, a, b, addend, p);
  else
    p != nullptr ? differences<false, true>(f, d, dst, a, b, addend, p) : differences<false, false>(f, d, dst, a, b, addend, p);
}

}  // namespace
}  // namespace he
