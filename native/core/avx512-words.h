/**
 * Transforms of 64-bit words (q < 2^60) with products in [0, 4q) of any make. Products: Root, same(table, at), root(value, quotient),
 * rootOf(constant), lazy(x, root) = x w mod q in [0, 4q) for x < 2^63.
 */
#pragma once
#include "avx512-forward.h"
#include "avx512-inverse.h"

namespace he {
namespace {

/** What both directions share. */
template <class Products>
struct WordArithmetic {
  using Root = typename Products::Root;
  const Products products;
  const V q, twice, four;
  HE_INLINE explicit WordArithmetic(const FieldData& f)
      : products(f), q(all(f.modulus)), twice(all(2 * f.modulus)), four(all(4 * f.modulus)) {}
  HE_INLINE static Root same(const Roots& table, std::size_t at) { return Products::same(table, at); }
  HE_INLINE static Root root(V value, V quotient) { return Products::root(value, quotient); }
  HE_INLINE V settled(V x) const { return once(once(x, twice), q); }
};

/** Forward: upper operands are brought below 4q in every layer, everything stays below 8q < 2^63. */
template <class Products>
struct Harvey : WordArithmetic<Products> {
  using WordArithmetic<Products>::WordArithmetic;
  HE_INLINE V begin(V x) const { return x; }
  template <int layers>
  HE_INLINE V enter(V x) const {
    return x;
  }
  HE_INLINE void butterfly(V& x, V& y, typename Products::Root w) const {
    const V u = once(x, this->four), t = this->products.lazy(y, w);
    x = plus(u, t);
    y = minus(plus(u, this->four), t);
  }
  HE_INLINE V reduced(V x) const { return this->settled(once(x, this->four)); }
};

/** Inverse: everything stays below 4q between layers. */
template <class Products>
struct GentlemanSande : WordArithmetic<Products> {
  static constexpr int between = 4;
  using WordArithmetic<Products>::WordArithmetic;
  HE_INLINE void lower(V&, int&) const {}
  HE_INLINE void difference(V& x, V& y, int&, int&) const {
    const V sum = plus(x, y);
    y = plus(minus(x, y), this->four);
    x = sum;
  }
  HE_INLINE void butterfly(V& x, V& y, int& boundX, int& boundY, typename Products::Root w) const {
    difference(x, y, boundX, boundY);
    x = once(x, this->four);
    y = this->products.lazy(y, w);
    boundX = boundY = between;
  }
  HE_INLINE V product(V x, Constant c) const { return this->settled(this->products.lazy(x, Products::rootOf(c))); }
};

/** The transforming members of a kernel table. Lazy values are reduced ones. */
template <class Products>
struct WordTransforms {
  struct Plain {
    static constexpr bool first = true;
    const u64* src;
    HE_INLINE V operator()(std::size_t at) const { return load(src + at); }
  };

  /** Below 4q. */
  struct Reducing {
    static constexpr bool first = true;
    const Products products;
    const typename Products::Root one;
    const u64* src;
    HE_INLINE V operator()(std::size_t at) const { return products.lazy(load(src + at), one); }
  };

  /** sum_t y[t] c[t], below 4q. */
  struct Conversion {
    static constexpr bool first = true;
    const Products products;
    const V four;
    const u64* const* y;
    const Constant* c;
    std::size_t count;
    HE_INLINE V operator()(std::size_t at) const {
      V sum = zero();
      for (std::size_t t = 0; t < count; t++) sum = once(plus(sum, products.lazy(load(y[t] + at), Products::rootOf(c[t]))), four);
      return sum;
    }
  };

  static void forward(const FieldData& f, u64* dst, const u64* src) { Forward<Harvey<Products>>(f).template run<true>(Plain{src}, dst); }

  static void forwardLazy(const FieldData& f, u64* dst, const u64* src, u64 sourceModulus) {
    if (sourceModulus <= 8 * f.modulus) return forward(f, dst, src);
    const Reducing input{Products(f), Products::rootOf({1, f.barrett}), src};
    Forward<Harvey<Products>>(f).template run<true>(input, dst);
  }

  static void inverse(const FieldData& f, u64* dst, const u64* src, const Constant last[2]) {
    Inverse<GentlemanSande<Products>>(f).run(dst, src, last);
  }

  static void convertForwardLazy(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64) {
    const Conversion input{Products(f), all(4 * f.modulus), y, c, count};
    Forward<Harvey<Products>>(f).template run<true>(input, dst);
  }
};

}  // namespace
}  // namespace he
