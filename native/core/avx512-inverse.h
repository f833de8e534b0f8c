/** Inverse transforms with AVX-512; see avx512-forward.h. */
#pragma once
#include "avx512-forward.h"

namespace he {
namespace {

/**
 * Gentleman and Sande's butterflies, deepest layers first. Arithmetic follows bounds of values, in multiples of q, at compile time:
 * difference(x, y, boundX, boundY) for sum and difference, butterfly with the product, lower(x, bound), product(x, constant)
 * reduced, and `between`, the bound of what one pass leaves to the next.
 */
template <class Arithmetic>
struct Inverse {
  const FieldData f;  // copies, as above
  const Arithmetic arithmetic;

  HE_INLINE explicit Inverse(const FieldData& field) : f(field), arithmetic(field) {}

  template <int layers, bool final, int vectors>
  HE_INLINE void cross(V (&r)[vectors], int (&bound)[vectors], const BlockRoots<Arithmetic, layers>& roots, const Constant* end) const {
    HE_UNROLL for (int layer = layers - 1; layer >= 0; layer--) {
      const int distance = vectors >> (layer + 1);
      HE_UNROLL for (int k = 0; k < vectors / 2; k++) {
        const int part = k / distance, x = part * 2 * distance + k % distance, y = x + distance;
        if (final && layer == 0) {
          arithmetic.difference(r[x], r[y], bound[x], bound[y]);
          r[x] = arithmetic.product(r[x], end[0]);
          r[y] = arithmetic.product(r[y], end[1]);
        } else {
          arithmetic.butterfly(r[x], r[y], bound[x], bound[y], roots.of[(1 << layer) + part]);
        }
      }
    }
    if constexpr (!final)
      HE_UNROLL for (int k = 0; k < vectors; k++)
        if (bound[k] > Arithmetic::between) arithmetic.lower(r[k], bound[k]);
  }

  template <int layers, bool final>
  [[gnu::noinline]] void pass(u64* a, std::size_t index, std::size_t length, std::size_t count, const Constant* end) const {
    constexpr int vectors = 1 << layers;
    const Inverse self = *this;
    const std::size_t stride = length >> layers;
    for (std::size_t block = 0; block < count; block++, a += length) {
      const BlockRoots<Arithmetic, layers> roots(self.f.inverse, index + block);
      for (std::size_t j = 0; j < stride; j += 8) {
        V r[vectors];
        int bound[vectors];
        HE_UNROLL for (int k = 0; k < vectors; k++) {
          r[k] = load(a + j + static_cast<std::size_t>(k) * stride);
          bound[k] = Arithmetic::between;
        }
        self.template cross<layers, final>(r, bound, roots, end);
        HE_UNROLL for (int k = 0; k < vectors; k++) store(a + j + static_cast<std::size_t>(k) * stride, r[k]);
      }
    }
  }

  HE_INLINE void firstBlock(const u64* src, u64* a, std::size_t index) const {
    const V evens = _mm512_setr_epi64(0, 2, 8, 10, 4, 6, 12, 14), odds = _mm512_setr_epi64(1, 3, 9, 11, 5, 7, 13, 15);
    const u64 *w = f.inverse.value, *c = f.inverse.quotient;
    V r[8], x[4], y[4];
    int bound[8], bx = 1, by = 1;
    // Layer by layer over all four pairs of vectors: independent work lies close together. Shuffles mix sums and products, so
    // that the larger bound holds for both.
    const auto layer = [&](int before, auto&& roots) HE_INLINE_LAMBDA {
      HE_UNROLL for (int k = 0; k < 4; k++) {
        bx = by = before;
        arithmetic.butterfly(x[k], y[k], bx, by, Arithmetic::root(roots(w, k), roots(c, k)));
      }
      return bx > by ? bx : by;
    };
    HE_UNROLL for (int k = 0; k < 4; k++) {
      const V v0 = load(src + 16 * k), v1 = load(src + 16 * k + 8);
      x[k] = pick(v0, evens, v1), y[k] = pick(v0, odds, v1);
    }
    const int first = layer(1, [&](const u64* t, int k) HE_INLINE_LAMBDA { return middleSwapped(load(t + 32 * index + 8 * k)); });
    HE_UNROLL for (int k = 0; k < 4; k++) {
      const V low = _mm512_unpacklo_epi64(x[k], y[k]);
      y[k] = _mm512_unpackhi_epi64(x[k], y[k]), x[k] = low;
    }
    const int second = layer(first, [&](const u64* t, int k) HE_INLINE_LAMBDA { return spread(quad(t + 16 * index + 4 * k)); });
    HE_UNROLL for (int k = 0; k < 4; k++) {
      const V low = lowerHalves(x[k], y[k]);
      y[k] = upperHalves(x[k], y[k]), x[k] = low;
    }
    const int third = layer(second, [&](const u64* t, int k) HE_INLINE_LAMBDA { return spreadAlternating(pair(t + 8 * index + 2 * k)); });
    HE_UNROLL for (int k = 0; k < 4; k++) {
      r[2 * k] = evenQuarters(x[k], y[k]), r[2 * k + 1] = oddQuarters(x[k], y[k]);
      bound[2 * k] = bound[2 * k + 1] = third;
    }
    cross<3, false>(r, bound, BlockRoots<Arithmetic, 3>(f.inverse, index), nullptr);
    HE_UNROLL for (int k = 0; k < 8; k++) store(a + 8 * k, r[k]);
  }

  /** The first six layers of `count` blocks of 64 words. */
  [[gnu::noinline]] void first(const u64* src, u64* a, std::size_t index, std::size_t count) const {
    const Inverse self = *this;
    for (std::size_t block = 0; block < count; block++) self.firstBlock(src + 64 * block, a + 64 * block, index + block);
  }

  void pass(int layers, u64* a, std::size_t index, std::size_t length, std::size_t count) const {
    switch (layers) {
      case 2: return pass<2, false>(a, index, length, count, nullptr);
      case 3: return pass<3, false>(a, index, length, count, nullptr);
      default: return pass<4, false>(a, index, length, count, nullptr);
    }
  }

  /** The layers of one block but those of the passes before `plan`, deepest first. */
  void climb(const u64* src, u64* a, std::size_t index, std::size_t length, const signed char* plan) const {
    if (*plan == 0) return first(src, a, index, length / 64);
    if (length > nearWords) {
      const std::size_t parts = std::size_t{1} << *plan, part = length / parts;
      for (std::size_t i = 0; i < parts; i++) climb(src + i * part, a + i * part, index * parts + i, part, plan + 1);
      return pass(*plan, a, index, length, 1);
    }
    int layers = 0;
    const signed char* deepest = plan;
    for (; *deepest != 0; deepest++) layers += *deepest;
    first(src, a, index << layers, length / 64);
    while (deepest-- != plan) {
      layers -= *deepest;
      pass(*deepest, a, index << layers, length >> layers, std::size_t{1} << layers);
    }
  }

  void run(u64* dst, const u64* src, const Constant end[2]) const {
    const signed char* plan = passPlans[f.logDegree - 10];
    const std::size_t blocks = std::size_t{1} << plan[0], part = f.degree / blocks;
    for (std::size_t i = 0; i < blocks; i++) climb(src + i * part, dst + i * part, blocks + i, part, plan + 1);
    switch (plan[0]) {
      case 2: return pass<2, true>(dst, 1, f.degree, 1, end);
      case 3: return pass<3, true>(dst, 1, f.degree, 1, end);
      default: return pass<4, true>(dst, 1, f.degree, 1, end);
    }
  }
};

}  // namespace
}  // namespace he
