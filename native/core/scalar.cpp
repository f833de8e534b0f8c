// The portable path: Harvey's lazy butterflies (arXiv 1205.2926) with 64-bit Shoup quotients, Montgomery products for sums.
#include "kernel-table.h"
#include "modular.h"

namespace he {

namespace {

using modular::high;
using modular::u128;

u64 once(u64 x, u64 q) noexcept { return x >= q ? x - q : x; }

/** x * w mod q in [0, 2q), for any x. */
u64 shoup(u64 x, u64 w, u64 quotient, u64 q) noexcept { return x * w - high(x, quotient) * q; }

u64 shoup(u64 x, Constant c, u64 q) noexcept { return once(shoup(x, c.value, c.quotient, q), q); }

/** Any 64-bit x to [0, q). The estimate of the quotient is at most 1 too small. */
u64 barrett(const FieldData& f, u64 x) noexcept { return once(x - high(x, f.barrett) * f.modulus, f.modulus); }

/** x * 2^-64 mod q for any 128-bit x. */
u64 montgomery(const FieldData& f, u128 x) noexcept {
  const u64 top = static_cast<u64>(x >> 64), correction = high(static_cast<u64>(x) * f.inverseOfWord, f.modulus);
  return barrett(f, top >= correction ? top - correction : top + (f.modulus - correction));
}

/** Reduced or lazy (< 4q) values, in place; the result is < 4q. */
void transform(const FieldData& f, u64* a) {
  const u64 q = f.modulus, q2 = 2 * q;
  for (std::size_t m = 1, half = f.degree / 2; m < f.degree; m *= 2, half /= 2)
    for (std::size_t i = 0; i < m; i++) {
      const u64 w = f.forward.value[m + i], quotient = f.forward.quotient[m + i];
      u64 *x = a + 2 * i * half, *y = x + half;
      for (std::size_t j = 0; j < half; j++) {
        const u64 u = once(x[j], q2), v = shoup(y[j], w, quotient, q);
        x[j] = u + v;
        y[j] = u + q2 - v;
      }
    }
}

void forwardLazy(const FieldData& f, u64* dst, const u64* src, u64 sourceModulus) {
  if (sourceModulus > 4 * f.modulus)
    for (std::size_t i = 0; i < f.degree; i++) dst[i] = barrett(f, src[i]);
  else if (dst != src)
    for (std::size_t i = 0; i < f.degree; i++) dst[i] = src[i];
  transform(f, dst);
}

void forward(const FieldData& f, u64* dst, const u64* src) {
  forwardLazy(f, dst, src, f.modulus);
  for (std::size_t i = 0; i < f.degree; i++) dst[i] = once(once(dst[i], 2 * f.modulus), f.modulus);
}

void inverse(const FieldData& f, u64* dst, const u64* src, const Constant last[2]) {
  const u64 q = f.modulus, q2 = 2 * q;
  const u64* from = src;
  for (std::size_t m = f.degree / 2, half = 1; m > 1; m /= 2, half *= 2) {
    for (std::size_t i = 0; i < m; i++) {
      const u64 w = f.inverse.value[m + i], quotient = f.inverse.quotient[m + i];
      const std::size_t at = 2 * i * half;
      for (std::size_t j = at; j < at + half; j++) {
        const u64 x = from[j], y = from[j + half];
        dst[j] = once(x + y, q2);
        dst[j + half] = shoup(x + q2 - y, w, quotient, q);
      }
    }
    from = dst;
  }
  const std::size_t half = f.degree / 2;
  for (std::size_t j = 0; j < half; j++) {
    const u64 x = from[j], y = from[j + half];
    dst[j] = shoup(x + y, last[0], q);
    dst[j + half] = shoup(x + q2 - y, last[1], q);
  }
}

void add(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = once(a[i] + b[i], f.modulus);
}

void subtract(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = once(a[i] + f.modulus - b[i], f.modulus);
}

void negate(const FieldData& f, u64* dst, const u64* a, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = a[i] == 0 ? 0 : f.modulus - a[i];
}

void multiply(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = shoup(montgomery(f, static_cast<u128>(a[i]) * b[i]), f.radix, f.modulus);
}

void scale(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = shoup(a[i], c, f.modulus);
}

void scaleAdd(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = once(dst[i] + shoup(a[i], c, f.modulus), f.modulus);
}

void reduce(const FieldData& f, u64* dst, const u64* a, u64, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = barrett(f, a[i]);
}

/** Products of a lazy x (< 2^62) with a residue (< 2^60): 32 of them and more fit in 128 bits. */
constexpr std::size_t termsInDoubleWord = 32;

/** A cache line of places at a time: with many operands, lines that share a set of the cache would drive one another out. */
constexpr std::size_t lineWords = 8;

void accumulate(const FieldData& f, u64* dst, const u64* const* x, const u64* const* y, std::size_t terms, bool add, std::size_t n) {
  for (std::size_t i = 0; i < n; i += lineWords)
    for (std::size_t first = 0; first < terms; first += termsInDoubleWord) {
      const std::size_t end = terms - first < termsInDoubleWord ? terms : first + termsInDoubleWord;
      u128 wide[lineWords] = {};
      for (std::size_t t = first; t < end; t++) {
        const u64 *a = x[t] + i, *b = y[t] + i;
        for (std::size_t k = 0; k < lineWords; k++) wide[k] += static_cast<u128>(a[k]) * b[k];
      }
      const bool keep = add || first != 0;
      for (std::size_t k = 0; k < lineWords; k++) dst[i + k] = once((keep ? dst[i + k] : 0) + montgomery(f, wide[k]), f.modulus);
    }
}

void multiplyAccumulate(const FieldData& f, u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1,
                        std::size_t terms, bool add, std::size_t n) {
  accumulate(f, dst0, x, y0, terms, add, n);
  if (dst1 != nullptr) accumulate(f, dst1, x, y1, terms, add, n);
}

void convert(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) {
    u64 sum = 0;
    for (std::size_t t = 0; t < count; t++) sum = once(sum + shoup(y[t][i], c[t], f.modulus), f.modulus);
    dst[i] = sum;
  }
}

void convertForwardLazy(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound) {
  convert(f, dst, y, c, count, bound, f.degree);
  transform(f, dst);
}

/** b may be lazy, below 4q: a - b + 4q < 2^63. */
u64 difference(const FieldData& f, u64 a, u64 b, Constant c) { return shoup(a + 4 * f.modulus - b, c, f.modulus); }

void subtractScale(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) dst[i] = difference(f, a[i], b[i], c);
}

std::size_t source(const Automorphism& p, std::size_t i) noexcept {
  return 8 * static_cast<std::size_t>(p.block[i / 8]) + p.lanes[p.pattern[i / 8]][i % 8];
}

void subtractScaleAdd(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, const u64* addend, const Automorphism* p) {
  for (std::size_t i = 0; i < f.degree; i++) {
    const std::size_t s = p != nullptr ? source(*p, i) : i;
    const u64 value = difference(f, a[s], b[s], c);
    dst[i] = addend != nullptr ? once(value + addend[s], f.modulus) : value;
  }
}

void permuteLimb(const Automorphism& p, u64* dst, const u64* src) {
  for (std::size_t i = 0; i < p.degree; i++) dst[i] = src[source(p, i)];
}

void permuteAddLimb(const FieldData& f, const Automorphism& p, u64* dst, const u64* src, const u64* addend) {
  for (std::size_t i = 0; i < p.degree; i++) dst[i] = once(src[source(p, i)] + addend[i], f.modulus);
}

}  // namespace

const KernelTable scalarKernels = {
    .path = Path::scalar,
    .shift = 64,
    .forwardRoots = RootForm::shoup,
    .inverseRoots = RootForm::shoup,
    .montgomeryMultiplicands = true,
    .forward = forward,
    .forwardLazy = forwardLazy,
    .forwardPacked = nullptr,
    .inverse = inverse,
    .add = add,
    .subtract = subtract,
    .negate = negate,
    .multiply = multiply,
    .scale = scale,
    .scaleAdd = scaleAdd,
    .reduce = reduce,
    .multiplyAccumulate = multiplyAccumulate,
    .multiplyPackedKeys = nullptr,
    .multiplyPackedPlaintexts = nullptr,
    .multiplyRuns = nullptr,
    .convert = convert,
    .convertForwardLazy = convertForwardLazy,
    .convertPackedForwardLazy = nullptr,
    .subtractScale = subtractScale,
    .subtractScaleAdd = subtractScaleAdd,
    .permute = permuteLimb,
    .permuteAdd = permuteAddLimb,
};

}  // namespace he
