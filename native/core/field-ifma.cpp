// AVX-512 IFMA: primes below 2^50.
#include "avx512-forward.h"
#include "avx512-inverse.h"
#include "avx512-pointwise.h"
#include "ifma-butterflies.h"
#include "ifma-sums.h"

namespace he {

namespace {

struct Plain {
  static constexpr bool first = true;
  const u64* src;
  HE_INLINE V operator()(std::size_t at) const { return load(src + at); }
};

struct Reducing {
  static constexpr bool first = true;
  const Modulus m;
  const u64* src;
  HE_INLINE V operator()(std::size_t at) const { return barrettWide(load(src + at), m); }
};

/** Packed numbers, moved by an offset, times a factor: in [0, 2q). */
template <unsigned width>
struct Scaled {
  static constexpr bool first = true;
  const Modulus m;
  const V offset, factor, companion;
  const u64* src;
  HE_INLINE V operator()(std::size_t at) const {
    ahead<width>(src, at);
    return masked(shoupDirty(plus(eight<width>(src, at), offset), factor, companion, m), m);
  }
};

template <class Kind>
void forwardPackedOf(const FieldData& f, u64* dst, const u64* src, unsigned width, u64 offset, Constant c) {
  const auto run = [&]<unsigned fixed>() {
    const Scaled<fixed> input{Modulus(f), all(offset), all(c.value), all(c.quotient), src};
    Forward<Kind>(f).template run<true>(input, dst);
  };
  switch (width) {
    case 4: return run.template operator()<4>();
    case 5: return run.template operator()<5>();
    default: return run.template operator()<6>();
  }
}

template <class Kind>
void forwardOf(const FieldData& f, u64* dst, const u64* src) {
  Forward<Kind>(f).template run<true>(Plain{src}, dst);
}

template <class Kind>
void forwardLazyOf(const FieldData& f, u64* dst, const u64* src, u64 sourceModulus) {
  // What the first butterflies stand beside reduced values (see the kinds).
  if (sourceModulus <= Kind::room * f.modulus)
    Forward<Kind>(f).template run<false>(Plain{src}, dst);
  else
    Forward<Kind>(f).template run<false>(Reducing{Modulus(f), src}, dst);
}

void convert(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound, std::size_t n) {
  const Conversion conversion(f, y, c, count, bound);
  if (conversion.narrow) switch (count) {
      case 1: return conversion.narrowTo<1>(dst, n);
      case 2: return conversion.narrowTo<2>(dst, n);
      case 3: return conversion.narrowTo<3>(dst, n);
      case 4: return conversion.narrowTo<4>(dst, n);
      case 5: return conversion.narrowTo<5>(dst, n);
      case 6: return conversion.narrowTo<6>(dst, n);
      default: return conversion.narrowTo<0>(dst, n);
    }
  if (bound <= word52)
    for (std::size_t i = 0; i < n; i += 8) store(dst + i, conversion.exact<false>(i));
  else
    for (std::size_t i = 0; i < n; i += 8) store(dst + i, conversion.exact<true>(i));
}

template <class Kind>
void convertForwardLazyOf(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound) {
  // Apart: a first pass that reads several limbs at eight places each has more streams than the first-level cache has ways.
  convert(f, dst, y, c, count, bound, f.degree);
  Forward<Kind>(f).template run<false>(Plain{dst}, dst);
}

template <class Kind>
void convertPackedForwardLazyOf(const FieldData& f, u64* dst, const u64* const* y, const std::uint8_t* bytes, const Constant* c, std::size_t count) {
  const PackedConversion conversion(f, y, bytes, c, count);
  switch (count) {
    case 1: conversion.run<1>(dst, f.degree); break;
    case 2: conversion.run<2>(dst, f.degree); break;
    case 3: conversion.run<3>(dst, f.degree); break;
    case 4: conversion.run<4>(dst, f.degree); break;
    case 5: conversion.run<5>(dst, f.degree); break;
    case 6: conversion.run<6>(dst, f.degree); break;
    default: conversion.run<0>(dst, f.degree);
  }
  Forward<Kind>(f).template run<false>(Plain{dst}, dst);
}

bool sixteenFits(const FieldData& f) { return f.modulus <= word52 / 16; }

void forward(const FieldData& f, u64* dst, const u64* src) {
  sixteenFits(f) ? forwardOf<Sixteen>(f, dst, src) : forwardOf<Four>(f, dst, src);
}

void forwardLazy(const FieldData& f, u64* dst, const u64* src, u64 sourceModulus) {
  sixteenFits(f) ? forwardLazyOf<Sixteen>(f, dst, src, sourceModulus) : forwardLazyOf<Four>(f, dst, src, sourceModulus);
}

void convertForwardLazy(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound) {
  sixteenFits(f) ? convertForwardLazyOf<Sixteen>(f, dst, y, c, count, bound)
                 : convertForwardLazyOf<Four>(f, dst, y, c, count, bound);
}

void forwardPacked(const FieldData& f, u64* dst, const u64* src, unsigned width, u64 offset, Constant c) {
  sixteenFits(f) ? forwardPackedOf<Sixteen>(f, dst, src, width, offset, c) : forwardPackedOf<Four>(f, dst, src, width, offset, c);
}

void convertPackedForwardLazy(const FieldData& f, u64* dst, const u64* const* y, const std::uint8_t* bytes, const Constant* c, std::size_t count) {
  sixteenFits(f) ? convertPackedForwardLazyOf<Sixteen>(f, dst, y, bytes, c, count)
                 : convertPackedForwardLazyOf<Four>(f, dst, y, bytes, c, count);
}

void inverse(const FieldData& f, u64* dst, const u64* src, const Constant last[2]) {
  if (f.modulus <= word52 / 64) return Inverse<Bounded<64>>(f).run(dst, src, last);
  if (sixteenFits(f)) return Inverse<Bounded<16>>(f).run(dst, src, last);
  Inverse<Bounded<4>>(f).run(dst, src, last);
}

void multiply(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const Modulus m(f);
  const V radix = all(f.radix.value), companion = all(f.radix.quotient);
  for (std::size_t i = 0; i < n; i += 8) {
    const V x = load(a + i), y = load(b + i);
    store(dst + i, shoup(montgomery(low(zero(), x, y), high(zero(), x, y), m), radix, companion, m));
  }
}

void scale(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  const Modulus m(f);
  const V w = all(c.value), companion = all(c.quotient);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, shoup(load(a + i), w, companion, m));
}

void scaleAdd(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  const Modulus m(f);
  const V w = all(c.value), companion = all(c.quotient);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, once(plus(load(dst + i), shoup(load(a + i), w, companion, m)), m.q));
}

void reduce(const FieldData& f, u64* dst, const u64* a, u64 sourceModulus, std::size_t n) {
  const Modulus m(f);
  if (sourceModulus <= 2 * f.modulus)
    for (std::size_t i = 0; i < n; i += 8) store(dst + i, once(load(a + i), m.q));
  else if (sourceModulus <= word52)
    for (std::size_t i = 0; i < n; i += 8) store(dst + i, barrett(load(a + i), m));
  else
    for (std::size_t i = 0; i < n; i += 8) store(dst + i, barrettWide(load(a + i), m));
}

/** Each product is below 2^52 q, so that the reduced sum of t of them is below (t + 1) q and some bits of the low sum. */
bool passesWord(const FieldData& f, std::size_t terms) { return terms + 2 > word52 / f.modulus; }

template <unsigned X, unsigned Y>
void accumulate(const FieldData& f, u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1, std::size_t terms,
                bool add, std::size_t n) {
  Accumulation<X, Y>{Modulus(f), x, y0, y1, dst0, dst1, add, passesWord(f, terms)}.run(terms, n);
}

void multiplyRuns(const FieldData& f, u64* dst0, u64* dst1, const u64* const* x, unsigned logRun, const u64* const* y0, const u64* const* y1,
                  std::size_t terms, bool add, std::size_t n) {
  Accumulation<inRuns, wordWidth>{Modulus(f), x, y0, y1, dst0, dst1, add, passesWord(f, terms), logRun}.run(terms, n);
}

constexpr KernelTable::Sums sumsOfKeys[] = {accumulate<wordWidth, 4>, accumulate<wordWidth, 5>, accumulate<wordWidth, 6>};
constexpr KernelTable::Sums sumsOfPlaintexts[] = {accumulate<4, wordWidth>, accumulate<5, wordWidth>, accumulate<6, wordWidth>};

/** (a - b) c: b is brought below 2q first, whatever form it has. */
struct Difference {
  const Modulus m;
  const V w, companion;
  HE_INLINE Difference(const FieldData& f, Constant c) : m(f), w(all(c.value)), companion(all(c.quotient)) {}
  HE_INLINE V operator()(V a, V b) const {
    return shoup(minus(plus(a, m.twice), masked(barrettDirty(b, m), m)), w, companion, m);
  }
};

void subtractScale(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, std::size_t n) {
  const Difference difference(f, c);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, difference(load(a + i), load(b + i)));
}

void subtractScaleAdd(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, const u64* addend, const Automorphism* p) {
  endOfRotation(f, Difference(f, c), dst, a, b, addend, p);
}

constexpr KernelTable table(RootForm forwardRoots, decltype(KernelTable::forward) forwardKernel,
                            decltype(KernelTable::forwardLazy) forwardLazyKernel,
                            decltype(KernelTable::forwardPacked) forwardPackedKernel,
                            decltype(KernelTable::convertForwardLazy) convertForwardLazyKernel,
                            decltype(KernelTable::convertPackedForwardLazy) convertPackedForwardLazyKernel) {
  return {
      .path = Path::ifma,
      .shift = 52,
      .forwardRoots = forwardRoots,
      .inverseRoots = RootForm::shoup,
      .montgomeryMultiplicands = true,
      .forward = forwardKernel,
      .forwardLazy = forwardLazyKernel,
      .forwardPacked = forwardPackedKernel,
      .inverse = inverse,
      .add = addLimb,
      .subtract = subtractLimb,
      .negate = negateLimb,
      .multiply = multiply,
      .scale = scale,
      .scaleAdd = scaleAdd,
      .reduce = reduce,
      .multiplyAccumulate = accumulate<wordWidth, wordWidth>,
      .multiplyPackedKeys = sumsOfKeys,
      .multiplyPackedPlaintexts = sumsOfPlaintexts,
      .multiplyRuns = multiplyRuns,
      .convert = convert,
      .convertForwardLazy = convertForwardLazyKernel,
      .convertPackedForwardLazy = convertPackedForwardLazyKernel,
      .subtractScale = subtractScale,
      .subtractScaleAdd = subtractScaleAdd,
      .permute = permuteLimb,
      .permuteAdd = permuteAddLimb,
  };
}

}  // namespace

const KernelTable ifmaKernels = table(RootForm::montgomery, forward, forwardLazy, forwardPacked, convertForwardLazy, convertPackedForwardLazy);
const KernelTable ifmaLazyKernels =
    table(RootForm::shoup, forwardOf<Lazy>, forwardLazyOf<Lazy>, forwardPackedOf<Lazy>, convertForwardLazyOf<Lazy>, convertPackedForwardLazyOf<Lazy>);

}  // namespace he
