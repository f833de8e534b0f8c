/** Transforms in doubles; order of work as with AVX-512. Forward, |values| grow by 3/4 q in a layer and stay below 14 q unreduced. */
#pragma once
#include "avx2-arithmetic.h"

namespace he {
namespace {

/** Layers of each pass from the widest on, for N = 1024 ... 131072; three more follow. */
constexpr signed char passPlans[8][6] = {{3, 2, 2, 0},    {3, 3, 2, 0},    {3, 3, 3, 0},       {3, 3, 2, 2, 0},
                                         {3, 3, 3, 2, 0}, {3, 3, 3, 3, 0}, {3, 3, 3, 2, 2, 0}, {3, 3, 3, 3, 2, 0}};
constexpr std::size_t nearWords = 4096;

HE_INLINE Factor factorAt(const Roots& table, std::size_t at) { return {entry(table.value + at), entry(table.quotient + at)}; }
HE_INLINE Factor factorsAt(const Roots& table, std::size_t at) { return {load(table.value + at), load(table.quotient + at)}; }
HE_INLINE D twice(const u64* p) {
  return _mm256_permute4x64_pd(_mm256_castpd128_pd256(_mm_castsi128_pd(_mm_load_si128(reinterpret_cast<const __m128i*>(p)))), 0x50);
}
HE_INLINE Factor factorsTwice(const Roots& table, std::size_t at) { return {twice(table.value + at), twice(table.quotient + at)}; }
HE_INLINE D lowerHalves(D a, D b) { return _mm256_permute2f128_pd(a, b, 0x20); }
HE_INLINE D upperHalves(D a, D b) { return _mm256_permute2f128_pd(a, b, 0x31); }

struct Transform {
  const FieldData f;  // copies, here and at the start of each loop: what is stored cannot alias what is in registers
  const Modulus m;

  HE_INLINE explicit Transform(const FieldData& field) : f(field), m(field) {}

  HE_INLINE void butterfly(D& x, D& y, Factor w) const {
    const D t = product(y, w, m);
    y = minus(x, t);
    x = plus(x, t);
  }

  template <int layers, class Input>
  HE_INLINE void forwardPass(const Input& input, u64* a, std::size_t index, std::size_t length, std::size_t count) const {
    constexpr int vectors = 1 << layers;
    const std::size_t stride = length >> layers;
    for (std::size_t block = 0; block < count; block++, a += length)
      for (std::size_t j = 0; j < stride; j += lanes) {
        D r[vectors];
        HE_UNROLL for (int k = 0; k < vectors; k++) r[k] = input(block * length + j + static_cast<std::size_t>(k) * stride);
        HE_UNROLL for (int layer = 0; layer < layers; layer++) {
          const int distance = vectors >> (layer + 1);
          HE_UNROLL for (int k = 0; k < vectors / 2; k++) {
            const int part = k / distance, x = part * 2 * distance + k % distance;
            butterfly(r[x], r[x + distance], factorAt(f.forward, ((index + block) << layer) + static_cast<std::size_t>(part)));
          }
        }
        HE_UNROLL for (int k = 0; k < vectors; k++) store(a + j + static_cast<std::size_t>(k) * stride, r[k]);
      }
  }

  struct InPlace {
    const u64* a;
    HE_INLINE D operator()(std::size_t at) const { return load(a + at); }
  };

  template <int layers>
  [[gnu::noinline]] void pass(u64* a, std::size_t index, std::size_t length, std::size_t count) const {
    const Transform self = *this;
    self.forwardPass<layers>(InPlace{a}, a, index, length, count);
  }

  /** The last three layers of `count` blocks of eight words, and back to words in [0, q). */
  [[gnu::noinline]] void last(u64* a, std::size_t index, std::size_t count) const {
    const Transform self = *this;
    for (std::size_t block = 0; block < count; block++, a += 8, index++) {
      D v0 = load(a), v1 = load(a + 4);
      self.butterfly(v0, v1, factorAt(self.f.forward, index));
      D x = lowerHalves(v0, v1), y = upperHalves(v0, v1);
      self.butterfly(x, y, factorsTwice(self.f.forward, 2 * index));
      D even = _mm256_unpacklo_pd(x, y), odd = _mm256_unpackhi_pd(x, y);
      self.butterfly(even, odd, factorsAt(self.f.forward, 4 * index));
      even = reduced(even, self.m), odd = reduced(odd, self.m);
      x = _mm256_unpacklo_pd(even, odd), y = _mm256_unpackhi_pd(even, odd);
      storeValues(a, lowerHalves(x, y));
      storeValues(a + 4, upperHalves(x, y));
    }
  }

  void descend(u64* a, std::size_t index, std::size_t length, const signed char* plan) const {
    std::size_t count = 1, part = length;
    for (; *plan != 0; plan++) {
      *plan == 3 ? pass<3>(a, index, part, count) : pass<2>(a, index, part, count);
      count <<= *plan, index <<= *plan, part >>= *plan;
      if (part * count > nearWords) {
        for (std::size_t i = 0; i < count; i++) descend(a + i * part, index + i, part, plan + 1);
        return;
      }
    }
    last(a, index, length / 8);
  }

  template <class Input>
  [[gnu::noinline]] void forward(const Input& input, u64* dst) const {
    const Transform self = *this;
    const Input own = input;
    self.forwardPass<3>(own, dst, 1, f.degree, 1);
    const std::size_t part = f.degree / 8;
    for (std::size_t i = 0; i < 8; i++) descend(dst + i * part, 8 + i, part, passPlans[f.logDegree - 10] + 1);
  }

  HE_INLINE void inverseButterfly(D& x, D& y, Factor w) const {
    const D difference = minus(x, y);
    x = plus(x, y);
    y = product(difference, w, m);
  }

  /**
   * Inputs are below 2q: of the results only the first two can be larger, as sums of sums, and are balanced again. With `end`
   * these are the last layers, and results are words in [0, q).
   */
  template <int layers, bool final>
  [[gnu::noinline]] void inversePass(u64* a, std::size_t index, std::size_t length, std::size_t count, const Factor* end) const {
    constexpr int vectors = 1 << layers;
    const Transform self = *this;
    const std::size_t stride = length >> layers;
    for (std::size_t block = 0; block < count; block++, a += length)
      for (std::size_t j = 0; j < stride; j += lanes) {
        D r[vectors];
        HE_UNROLL for (int k = 0; k < vectors; k++) r[k] = load(a + j + static_cast<std::size_t>(k) * stride);
        HE_UNROLL for (int layer = layers - 1; layer >= 0; layer--) {
          const int distance = vectors >> (layer + 1);
          HE_UNROLL for (int k = 0; k < vectors / 2; k++) {
            const int part = k / distance, x = part * 2 * distance + k % distance, y = x + distance;
            if (final && layer == 0) {
              const D sum = plus(r[x], r[y]), difference = minus(r[x], r[y]);
              r[x] = nonNegative(product(sum, end[0], self.m), self.m);
              r[y] = nonNegative(product(difference, end[1], self.m), self.m);
            } else {
              self.inverseButterfly(r[x], r[y], factorAt(self.f.inverse, ((index + block) << layer) + static_cast<std::size_t>(part)));
            }
          }
        }
        if constexpr (!final) r[0] = balanced(r[0], self.m), r[1] = balanced(r[1], self.m);
        HE_UNROLL for (int k = 0; k < vectors; k++) {
          if constexpr (final)
            storeValues(a + j + static_cast<std::size_t>(k) * stride, r[k]);
          else
            store(a + j + static_cast<std::size_t>(k) * stride, r[k]);
        }
      }
  }

  /** From words; the first three layers of `count` blocks of eight. */
  [[gnu::noinline]] void first(const u64* src, u64* a, std::size_t index, std::size_t count) const {
    const Transform self = *this;
    for (std::size_t block = 0; block < count; block++, a += 8, src += 8, index++) {
      const D v0 = loadValues(src), v1 = loadValues(src + 4);
      D x = lowerHalves(v0, v1), y = upperHalves(v0, v1);
      D even = _mm256_unpacklo_pd(x, y), odd = _mm256_unpackhi_pd(x, y);
      self.inverseButterfly(even, odd, factorsAt(self.f.inverse, 4 * index));
      x = _mm256_unpacklo_pd(even, odd), y = _mm256_unpackhi_pd(even, odd);
      self.inverseButterfly(x, y, factorsTwice(self.f.inverse, 2 * index));
      D low = lowerHalves(x, y), high = upperHalves(x, y);
      self.inverseButterfly(low, high, factorAt(self.f.inverse, index));
      store(a, balanced(low, self.m));
      store(a + 4, high);
    }
  }

  void climb(const u64* src, u64* a, std::size_t index, std::size_t length, const signed char* plan) const {
    if (*plan == 0) return first(src, a, index, length / 8);
    if (length > nearWords) {
      const std::size_t parts = std::size_t{1} << *plan, part = length / parts;
      for (std::size_t i = 0; i < parts; i++) climb(src + i * part, a + i * part, index * parts + i, part, plan + 1);
      *plan == 3 ? inversePass<3, false>(a, index, length, 1, nullptr) : inversePass<2, false>(a, index, length, 1, nullptr);
      return;
    }
    int layers = 0;
    const signed char* deepest = plan;
    for (; *deepest != 0; deepest++) layers += *deepest;
    first(src, a, index << layers, length / 8);
    while (deepest-- != plan) {
      layers -= *deepest;
      const std::size_t blocks = std::size_t{1} << layers;
      *deepest == 3 ? inversePass<3, false>(a, index * blocks, length / blocks, blocks, nullptr)
                    : inversePass<2, false>(a, index * blocks, length / blocks, blocks, nullptr);
    }
  }

  void inverse(u64* dst, const u64* src, const Constant last[2]) const {
    const std::size_t part = f.degree / 8;
    for (std::size_t i = 0; i < 8; i++) climb(src + i * part, dst + i * part, 8 + i, part, passPlans[f.logDegree - 10] + 1);
    const Factor end[2] = {factorOf(last[0].value, f), factorOf(last[1].value, f)};
    inversePass<3, true>(dst, 1, f.degree, 1, end);
  }
};

}  // namespace
}  // namespace he
