/**
 * Butterflies with IFMA. Forward, by the room that the modulus leaves below 2^52:
 *  - Lazy: (4 log2 N + 2) q < 2^52. Shoup products in [0, 2q); a bias of 2q for each layer, added once, keeps differences positive;
 *    nothing is reduced on the way. Values are meant modulo 2^52.
 *  - Sixteen: 16 q <= 2^52. Montgomery products in (-q, q); one conditional subtraction at the start of each group of layers.
 *  - Four: 4 q <= 2^52. The same in every layer.
 */
#pragma once
#include "ifma-arithmetic.h"

namespace he {
namespace {

struct TableRoots {
  struct Root {
    V value, companion;
  };
  HE_INLINE static Root same(const Roots& table, std::size_t at) { return {all(table.value[at]), all(table.quotient[at])}; }
  HE_INLINE static Root root(V value, V companion) { return {value, companion}; }
};

struct Lazy : TableRoots {
  static constexpr u64 room = 2;  // multiples of q that inputs may reach
  const Modulus m;
  const V bias;
  HE_INLINE explicit Lazy(const FieldData& f) : m(f), bias(all(2 * f.modulus * f.logDegree)) {}

  HE_INLINE V begin(V x) const { return plus(x, bias); }
  template <int layers>
  HE_INLINE V enter(V x) const {
    return x;
  }
  HE_INLINE void butterfly(V& x, V& y, Root w) const {
    const V quotient = high(zero(), y, w.companion);
    const V sum = low(low(x, y, w.value), quotient, m.negative);
    y = minus(plus(x, x), sum);
    x = sum;
  }
  HE_INLINE V reduced(V x) const { return barrett(x, m); }
};

/** x + w y and x - w y for w in Montgomery's form, its companion w / q mod 2^52. */
HE_INLINE void montgomeryButterfly(V& x, V& y, TableRoots::Root w, const Modulus& m) {
  const V factor = low(zero(), y, w.companion);
  const V t = minus(high(zero(), y, w.value), high(zero(), factor, m.q));
  y = minus(x, t);
  x = plus(x, t);
}

struct Sixteen : TableRoots {
  static constexpr u64 room = 16;
  const Modulus m;
  const V half;
  HE_INLINE explicit Sixteen(const FieldData& f) : m(f), half(all(8 * f.modulus)) {}

  HE_INLINE V begin(V x) const { return x; }
  /** Below 8q and a bias of q for each layer; lower operands get theirs through their partners, until then they only enter products. */
  template <int layers>
  HE_INLINE V enter(V x) const {
    V bias = m.q;
    HE_UNROLL for (int i = 1; i < layers; i++) bias = plus(bias, m.q);
    return plus(once(x, half), bias);
  }
  HE_INLINE void butterfly(V& x, V& y, Root w) const { montgomeryButterfly(x, y, w, m); }
  HE_INLINE V reduced(V x) const { return barrett(x, m); }
};

struct Four : TableRoots {
  static constexpr u64 room = 4;
  const Modulus m;
  HE_INLINE explicit Four(const FieldData& f) : m(f) {}

  HE_INLINE V begin(V x) const { return x; }
  template <int layers>
  HE_INLINE V enter(V x) const {
    return x;
  }
  HE_INLINE void butterfly(V& x, V& y, Root w) const {
    x = plus(once(x, m.twice), m.q);
    montgomeryButterfly(x, y, w, m);
  }
  HE_INLINE V reduced(V x) const { return once(once(x, m.twice), m.q); }
};

/**
 * Inverse: a value is reduced when the next difference would pass `limit` q <= 2^52. With a limit of 4 values are kept exact and
 * reduced by conditional subtraction, with larger ones they are meant modulo 2^52 and reduced by Barrett's method.
 */
template <int limit>
struct Bounded : TableRoots {
  static constexpr bool exact = limit == 4;
  static constexpr int between = exact ? 2 : limit / 8;
  static_assert(between >= 2);
  const u64 q;
  const Modulus m;

  HE_INLINE explicit Bounded(const FieldData& f) : q(f.modulus), m(f) {}

  HE_INLINE V times(int bound) const { return all(q * static_cast<u64>(bound)); }

  HE_INLINE void lower(V& x, int& bound) const {
    if constexpr (exact) {
      x = once(x, m.twice);
    } else {
      x = barrettDirty(x, m);
    }
    bound = 2;
  }

  HE_INLINE void difference(V& x, V& y, int& boundX, int& boundY) const {
    if (boundX + boundY > limit) {
      if (boundX > 2) lower(x, boundX);
      if (boundX + boundY > limit && boundY > 2) lower(y, boundY);
    }
    const V sum = plus(x, y);
    y = plus(minus(x, y), times(boundY));
    x = sum;
    boundX = boundY = boundX + boundY;
  }

  HE_INLINE void butterfly(V& x, V& y, int& boundX, int& boundY, Root w) const {
    difference(x, y, boundX, boundY);
    y = shoupDirty(y, w.value, w.companion, m);
    if constexpr (exact) y = masked(y, m);
    boundY = 2;
    if constexpr (exact) lower(x, boundX);
  }
  HE_INLINE V product(V x, Constant c) const { return shoup(x, all(c.value), all(c.quotient), m); }
};

}  // namespace
}  // namespace he
