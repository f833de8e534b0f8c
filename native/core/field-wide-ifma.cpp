// Transforms for primes of 50 to 60 bits where there is IFMA: its 52-bit products give the quotients of Shoup's method, 64-bit
// low products the rest. Everything else of such fields is AVX-512's.
#include "avx512-words.h"

namespace he {

namespace {

HE_INLINE V high(V sum, V x, V y) { return _mm512_madd52hi_epu64(sum, x, y); }
HE_INLINE V lowProduct(V a, V b) { return _mm512_mullo_epi64(a, b); }

/** w, the first 52 bits of w / q, and the next twelve on top of a 52-bit word (what stands above is not read). */
struct FractionRoot {
  V value, first, next;
};

/**
 * The quotient is floor(x w / q) or up to 3 less for x = x0 + 2^52 x1 < 2^63: the rounding of w / q costs x0 less than 1 and x1 less
 * than 1/2, the two cut-off products less than 1 each.
 */
struct FractionProducts {
  using Root = FractionRoot;
  const V q;
  HE_INLINE explicit FractionProducts(const FieldData& f) : q(all(f.modulus)) {}
  HE_INLINE static Root root(V value, V quotient) { return {value, _mm512_srli_epi64(quotient, 12), _mm512_slli_epi64(quotient, 40)}; }
  HE_INLINE static Root same(const Roots& table, std::size_t at) { return root(all(table.value[at]), all(table.quotient[at])); }
  HE_INLINE static Root rootOf(Constant c) { return root(all(c.value), all(c.quotient)); }
  HE_INLINE V lazy(V x, Root w) const {
    const V top = _mm512_srli_epi64(x, 52), quotient = high(high(lowProduct(top, w.first), x, w.first), top, w.next);
    return minus(lowProduct(x, w.value), lowProduct(quotient, q));
  }
};

using Transforms = WordTransforms<FractionProducts>;

}  // namespace

const WideTransforms ifmaWideTransforms = {Transforms::forward, Transforms::forwardLazy, Transforms::inverse, Transforms::convertForwardLazy};

}  // namespace he
