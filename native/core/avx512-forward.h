/**
 * Transforms with AVX-512, after Harvey (arXiv 1205.2926): radix-8 and radix-16 passes over ever smaller blocks, so that most of
 * them stay in the first-level cache, and the six layers nearest to single words in registers. What a butterfly does, and
 * how values are kept in range, is the Arithmetic's business.
 */
#pragma once
#include "avx512-common.h"

namespace he {
namespace {

/** Layers of each pass from the widest on, for N = 1024 ... 131072; six more follow. Found by measurement. */
constexpr signed char passPlans[8][5] = {{2, 2, 0},    {2, 3, 0},    {3, 3, 0},    {3, 4, 0},
                                         {3, 3, 2, 0}, {3, 3, 3, 0}, {4, 3, 3, 0}, {4, 4, 3, 0}};

/** Blocks of this size are worked through pass by pass, larger ones part by part. */
constexpr std::size_t nearWords = 4096;

/** The roots of a block of 2^layers vectors, those of layer l from 2^l on; `index` is the block's place in the table. */
template <class Arithmetic, int layers>
struct BlockRoots {
  static constexpr unsigned end = 1u << layers;
  typename Arithmetic::Root of[end];
  HE_INLINE BlockRoots(const Roots& table, std::size_t index) {
    HE_UNROLL for (unsigned k = 1; k < end; k++) {
      const int layer = 31 - __builtin_clz(k);
      of[k] = Arithmetic::same(table, (index << layer) + k - (1u << layer));
    }
  }
};

/**
 * Arithmetic: begin(x) for the upper operands of the very first layer, enter<layers>(x) for those at the start of each group of
 * layers, butterfly(x, y, root), reduced(x). A root comes from one entry of a table, for all places (`same`), or from vectors.
 */
template <class Arithmetic>
struct Forward {
  const FieldData f;  // copies, here and at the start of each loop: what is stored cannot alias what is in registers
  const Arithmetic arithmetic;

  HE_INLINE explicit Forward(const FieldData& field) : f(field), arithmetic(field) {}

  template <int layers, int vectors>
  HE_INLINE void cross(V (&r)[vectors], const BlockRoots<Arithmetic, layers>& roots) const {
    static_assert(vectors == 1 << layers);
    HE_UNROLL for (int k = 0; k < vectors / 2; k++) r[k] = arithmetic.template enter<layers>(r[k]);
    HE_UNROLL for (int layer = 0; layer < layers; layer++) {
      const int distance = vectors >> (layer + 1);
      HE_UNROLL for (int k = 0; k < vectors / 2; k++) {
        const int part = k / distance, x = part * 2 * distance + k % distance;
        arithmetic.butterfly(r[x], r[x + distance], roots.of[(1 << layer) + part]);
      }
    }
  }

  /** `count` blocks of `length` words from `a` on, the first at `index` of the roots; input gives the vector at a place. */
  template <int layers, class Input>
  HE_INLINE void passWith(const Input& input, u64* a, std::size_t index, std::size_t length, std::size_t count) const {
    constexpr int vectors = 1 << layers;
    const std::size_t stride = length >> layers;
    for (std::size_t block = 0; block < count; block++, a += length) {
      const BlockRoots<Arithmetic, layers> roots(f.forward, index + block);
      for (std::size_t j = 0; j < stride; j += 8) {
        V r[vectors];
        HE_UNROLL for (int k = 0; k < vectors; k++) r[k] = input(block * length + j + static_cast<std::size_t>(k) * stride);
        if constexpr (Input::first)
          HE_UNROLL for (int k = 0; k < vectors / 2; k++) r[k] = arithmetic.begin(r[k]);
        cross<layers>(r, roots);
        HE_UNROLL for (int k = 0; k < vectors; k++) store(a + j + static_cast<std::size_t>(k) * stride, r[k]);
      }
    }
  }

  struct InPlace {
    static constexpr bool first = false;
    const u64* a;
    HE_INLINE V operator()(std::size_t at) const { return load(a + at); }
  };

  template <int layers>
  [[gnu::noinline]] void pass(u64* a, std::size_t index, std::size_t length, std::size_t count) const {
    const Forward self = *this;
    self.template passWith<layers>(InPlace{a}, a, index, length, count);
  }

  template <int layers, class Input>
  [[gnu::noinline]] void firstPass(const Input& input, u64* a) const {
    const Forward self = *this;
    const Input own = input;
    self.template passWith<layers>(own, a, 1, f.degree, 1);
  }

  template <bool reduce>
  HE_INLINE void lastBlock(u64* a, std::size_t index) const {
    const V lower = _mm512_setr_epi64(0, 8, 1, 9, 4, 12, 5, 13), upper = _mm512_setr_epi64(2, 10, 3, 11, 6, 14, 7, 15);
    const u64 *w = f.forward.value, *c = f.forward.quotient;
    V r[8];
    HE_UNROLL for (int k = 0; k < 8; k++) r[k] = load(a + 8 * k);
    cross<3>(r, BlockRoots<Arithmetic, 3>(f.forward, index));
    // Layer by layer over all four pairs of vectors: independent work lies close together.
    V x[4], y[4];
    HE_UNROLL for (int k = 0; k < 4; k++) {
      x[k] = lowerHalves(r[2 * k], r[2 * k + 1]), y[k] = upperHalves(r[2 * k], r[2 * k + 1]);
      x[k] = arithmetic.template enter<3>(x[k]);
    }
    HE_UNROLL for (int k = 0; k < 4; k++)
      arithmetic.butterfly(x[k], y[k], Arithmetic::root(spread(pair(w + 8 * index + 2 * k)), spread(pair(c + 8 * index + 2 * k))));
    HE_UNROLL for (int k = 0; k < 4; k++) {
      const V even = evenQuarters(x[k], y[k]);
      y[k] = oddQuarters(x[k], y[k]), x[k] = even;
    }
    HE_UNROLL for (int k = 0; k < 4; k++)
      arithmetic.butterfly(x[k], y[k], Arithmetic::root(spread(quad(w + 16 * index + 4 * k)), spread(quad(c + 16 * index + 4 * k))));
    HE_UNROLL for (int k = 0; k < 4; k++) {
      const V even = _mm512_unpacklo_epi64(x[k], y[k]);
      y[k] = _mm512_unpackhi_epi64(x[k], y[k]), x[k] = even;
    }
    HE_UNROLL for (int k = 0; k < 4; k++)
      arithmetic.butterfly(x[k], y[k], Arithmetic::root(middleSwapped(load(w + 32 * index + 8 * k)), middleSwapped(load(c + 32 * index + 8 * k))));
    HE_UNROLL for (int k = 0; k < 4; k++) {
      if constexpr (reduce) x[k] = arithmetic.reduced(x[k]), y[k] = arithmetic.reduced(y[k]);
      store(a + 16 * k, pick(x[k], lower, y[k]));
      store(a + 16 * k + 8, pick(x[k], upper, y[k]));
    }
  }

  /** The last six layers of `count` blocks of 64 words. */
  template <bool reduce>
  [[gnu::noinline]] void last(u64* a, std::size_t index, std::size_t count) const {
    const Forward self = *this;
    for (std::size_t block = 0; block < count; block++) self.template lastBlock<reduce>(a + 64 * block, index + block);
  }

  void pass(int layers, u64* a, std::size_t index, std::size_t length, std::size_t count) const {
    switch (layers) {
      case 1: return pass<1>(a, index, length, count);
      case 2: return pass<2>(a, index, length, count);
      case 3: return pass<3>(a, index, length, count);
      default: return pass<4>(a, index, length, count);
    }
  }

  /** All layers below the first pass, for one of its blocks: pass by pass where the block stays in the first-level cache. */
  template <bool reduce>
  void descend(u64* a, std::size_t index, std::size_t length, const signed char* plan) const {
    std::size_t count = 1, part = length;
    for (; *plan != 0; plan++) {
      pass(*plan, a, index, part, count);
      count <<= *plan, index <<= *plan, part >>= *plan;
      if (part * count > nearWords) {
        for (std::size_t i = 0; i < count; i++) descend<reduce>(a + i * part, index + i, part, plan + 1);
        return;
      }
    }
    last<reduce>(a, index, length / 64);
  }

  template <bool reduce, class Input>
  void run(const Input& input, u64* dst) const {
    const signed char* plan = passPlans[f.logDegree - 10];
    const std::size_t blocks = std::size_t{1} << plan[0], part = f.degree / blocks;
    switch (plan[0]) {
      case 2: firstPass<2>(input, dst); break;
      case 3: firstPass<3>(input, dst); break;
      default: firstPass<4>(input, dst); break;
    }
    for (std::size_t i = 0; i < blocks; i++) descend<reduce>(dst + i * part, blocks + i, part, plan + 1);
  }
};

}  // namespace
}  // namespace he
