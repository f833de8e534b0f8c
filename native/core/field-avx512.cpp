// AVX-512 without IFMA, or primes from 2^50 on. Lazy values of this path are reduced ones.
#include "avx512-arithmetic.h"
#include "avx512-pointwise.h"
#include "avx512-words.h"

namespace he {

namespace {

using Transforms = WordTransforms<HalfProducts>;

Root unit(const FieldData& f) { return rootOf({1, f.barrett}); }

void multiply(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const Modulus m(f);
  const Root one = unit(f), radix = rootOf(f.radix);
  for (std::size_t i = 0; i < n; i += 8) {
    WideSum sum;
    sum.add(load(a + i), load(b + i), m);
    store(dst + i, product(sum.montgomery(one, m), radix, m));
  }
}

void scale(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  const Modulus m(f);
  const Root w = rootOf(c);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, product(load(a + i), w, m));
}

void scaleAdd(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  const Modulus m(f);
  const Root w = rootOf(c);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, once(plus(load(dst + i), product(load(a + i), w, m)), m.q));
}

void reduce(const FieldData& f, u64* dst, const u64* a, u64, std::size_t n) {
  const Modulus m(f);
  const Root one = unit(f);
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, reduced(load(a + i), one, m));
}

constexpr std::size_t groupTerms = 8, chunkWords = 512;  // terms: as many as a WideSum holds

void accumulate(const FieldData& f, u64* dst, const u64* const* x, const u64* const* y, std::size_t terms, bool add, std::size_t n) {
  const Modulus m(f);
  const Root one = unit(f);
  for (std::size_t start = 0; start < n; start += chunkWords) {
    const std::size_t end = n - start < chunkWords ? n : start + chunkWords;
    for (std::size_t first = 0; first < terms; first += groupTerms) {
      const std::size_t last = terms - first < groupTerms ? terms : first + groupTerms;
      const bool keep = add || first != 0;
      for (std::size_t i = start; i < end; i += 8) {
        WideSum sum;
        for (std::size_t t = first; t < last; t++) sum.add(load(x[t] + i), load(y[t] + i), m);
        const V part = sum.montgomery(one, m);
        store(dst + i, keep ? once(plus(part, load(dst + i)), m.q) : part);
      }
    }
  }
}

void multiplyAccumulate(const FieldData& f, u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1,
                        std::size_t terms, bool add, std::size_t n) {
  accumulate(f, dst0, x, y0, terms, add, n);
  if (dst1 != nullptr) accumulate(f, dst1, x, y1, terms, add, n);
}

void convert(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64, std::size_t n) {
  const Modulus m(f);
  const Transforms::Conversion conversion{HalfProducts(f), m.four, y, c, count};
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, settled(conversion(i), m));
}

struct Difference {
  const Modulus m;
  const Root w;
  HE_INLINE V operator()(V a, V b) const { return product(minus(plus(a, m.q), b), w, m); }
};

void subtractScale(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, std::size_t n) {
  const Difference difference{Modulus(f), rootOf(c)};
  for (std::size_t i = 0; i < n; i += 8) store(dst + i, difference(load(a + i), load(b + i)));
}

void subtractScaleAdd(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, const u64* addend, const Automorphism* p) {
  const Difference difference{Modulus(f), rootOf(c)};
  endOfRotation(f, difference, dst, a, b, addend, p);
}

}  // namespace

const KernelTable avx512Kernels = {
    .path = Path::avx512,
    .shift = 64,
    .forwardRoots = RootForm::halved,
    .inverseRoots = RootForm::halved,
    .montgomeryMultiplicands = true,
    .forward = Transforms::forward,
    .forwardLazy = Transforms::forwardLazy,
    .forwardPacked = nullptr,
    .inverse = Transforms::inverse,
    .add = addLimb,
    .subtract = subtractLimb,
    .negate = negateLimb,
    .multiply = multiply,
    .scale = scale,
    .scaleAdd = scaleAdd,
    .reduce = reduce,
    .multiplyAccumulate = multiplyAccumulate,
    .multiplyPackedKeys = nullptr,
    .multiplyPackedPlaintexts = nullptr,
    .multiplyRuns = nullptr,
    .convert = convert,
    .convertForwardLazy = Transforms::convertForwardLazy,
    .convertPackedForwardLazy = nullptr,
    .subtractScale = subtractScale,
    .subtractScaleAdd = subtractScaleAdd,
    .permute = permuteLimb,
    .permuteAdd = permuteAddLimb,
};

}  // namespace he
