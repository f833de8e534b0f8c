// AVX2 with FMA: primes below 2^47, exact products in doubles. Multiplicands are plain residues, lazy values reduced ones.
#include "avx2-arithmetic.h"
#include "avx2-transform.h"

namespace he {

namespace {

/** Words of any size below 2^60, modulo q: below q in magnitude. */
struct Reducing {
  const Modulus m;
  const Factor radix;
  const u64* src;
  HE_INLINE D operator()(std::size_t at) const {
    const Parts p = partsOf(loadWords(src + at));
    return balanced(plus(product(p.upper, radix, m), p.lower), m);
  }
};

struct Plain {
  const u64* src;
  HE_INLINE D operator()(std::size_t at) const { return loadValues(src + at); }
};

Reducing reducing(const FieldData& f, const u64* src) { return {Modulus(f), factorOf(partRadix % f.modulus, f), src}; }

void forward(const FieldData& f, u64* dst, const u64* src) { Transform(f).forward(Plain{src}, dst); }

void forwardLazy(const FieldData& f, u64* dst, const u64* src, u64 sourceModulus) {
  if (sourceModulus <= 2 * f.modulus) return forward(f, dst, src);
  Transform(f).forward(reducing(f, src), dst);
}

void inverse(const FieldData& f, u64* dst, const u64* src, const Constant last[2]) { Transform(f).inverse(dst, src, last); }

template <class Body>
HE_INLINE void each(std::size_t n, const Body& body) {
  for (std::size_t i = 0; i < n; i += lanes) body(i);
}

void addLimb(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const Modulus m(f);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(minus(plus(loadValues(a + i), loadValues(b + i)), m.q), m)); });
}

void subtractLimb(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const Modulus m(f);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(minus(loadValues(a + i), loadValues(b + i)), m)); });
}

void negateLimb(const FieldData& f, u64* dst, const u64* a, std::size_t n) {
  const Modulus m(f);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(minus(_mm256_setzero_pd(), loadValues(a + i)), m)); });
}

void multiply(const FieldData& f, u64* dst, const u64* a, const u64* b, std::size_t n) {
  const Modulus m(f);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(product(loadValues(a + i), loadValues(b + i), m), m)); });
}

void scale(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  const Modulus m(f);
  const Factor w = factorOf(c.value, f);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(product(loadValues(a + i), w, m), m)); });
}

void scaleAdd(const FieldData& f, u64* dst, const u64* a, Constant c, std::size_t n) {
  const Modulus m(f);
  const Factor w = factorOf(c.value, f);
  each(n, [&](std::size_t i) { storeValues(dst + i, reduced(plus(loadValues(dst + i), product(loadValues(a + i), w, m)), m)); });
}

void reduce(const FieldData& f, u64* dst, const u64* a, u64 sourceModulus, std::size_t n) {
  const Modulus m(f);
  if (sourceModulus <= wholeBound) {
    each(n, [&](std::size_t i) { storeValues(dst + i, reduced(loadValues(a + i), m)); });
  } else {
    const Reducing wide = reducing(f, a);
    each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(wide(i), m)); });
  }
}

/** Products are below q in magnitude, so that this many and a balanced start stay below 2^53. */
constexpr std::size_t groupTerms = 32, chunkWords = 512;

struct alignas(64) Carried {
  u64 word[2][chunkWords];
};

/**
 * terms <= groupTerms; `first`: nothing carried yet. A whole cache line of places at a time: with many operands, lines that share
 * a set of the cache would drive one another out between the halves.
 */
template <bool two>
HE_INLINE void group(const Modulus& m, Carried& carried, std::size_t start, std::size_t words, const u64* const* x,
                     const u64* const* y0, const u64* const* y1, std::size_t terms, bool first) {
  constexpr std::size_t vectors = 2;
  for (std::size_t i = 0; i < words; i += vectors * lanes) {
    D s0[vectors], s1[vectors];
    HE_UNROLL for (std::size_t k = 0; k < vectors; k++) {
      s0[k] = first ? _mm256_setzero_pd() : load(carried.word[0] + i + k * lanes);
      s1[k] = first ? _mm256_setzero_pd() : load(carried.word[1] + i + k * lanes);
    }
    for (std::size_t t = 0; t < terms; t++)
      HE_UNROLL for (std::size_t k = 0; k < vectors; k++) {
        const std::size_t at = start + i + k * lanes;
        const D factor = loadValues(x[t] + at);
        s0[k] = plus(s0[k], product(factor, loadValues(y0[t] + at), m));
        if constexpr (two) s1[k] = plus(s1[k], product(factor, loadValues(y1[t] + at), m));
      }
    HE_UNROLL for (std::size_t k = 0; k < vectors; k++) {
      store(carried.word[0] + i + k * lanes, balanced(s0[k], m));
      if constexpr (two) store(carried.word[1] + i + k * lanes, balanced(s1[k], m));
    }
  }
}

void finish(const Modulus& m, const u64* sums, u64* dst, std::size_t words, bool add) {
  for (std::size_t i = 0; i < words; i += lanes) {
    const D sum = load(sums + i);
    storeValues(dst + i, add ? reduced(plus(sum, loadValues(dst + i)), m) : nonNegative(sum, m));
  }
}

void multiplyAccumulate(const FieldData& f, u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1,
                        std::size_t terms, bool add, std::size_t n) {
  const Modulus m(f);
  Carried carried;
  for (std::size_t start = 0; start < n; start += chunkWords) {
    const std::size_t words = n - start < chunkWords ? n - start : chunkWords;
    for (std::size_t done = 0; done < terms; done += groupTerms) {
      const std::size_t count = terms - done < groupTerms ? terms - done : groupTerms;
      if (dst1 != nullptr)
        group<true>(m, carried, start, words, x + done, y0 + done, y1 + done, count, done == 0);
      else
        group<false>(m, carried, start, words, x + done, y0 + done, nullptr, count, done == 0);
    }
    finish(m, carried.word[0], dst0 + start, words, add);
    if (dst1 != nullptr) finish(m, carried.word[1], dst1 + start, words, add);
  }
}

constexpr std::size_t mostInputs = 64;

/** sum_i y[i] c[i], balanced. */
struct Conversion {
  const Modulus m;
  const u64* const* y;
  std::size_t count;
  bool whole;
  double w[mostInputs], upper[mostInputs];

  Conversion(const FieldData& f, const u64* const* inputs, const Constant* c, std::size_t inputCount, u64 bound)
      : m(f), y(inputs), count(inputCount), whole(bound <= wholeBound) {
    for (std::size_t i = 0; i < count; i++) {
      w[i] = centred(c[i].value, f.modulus);
      // c 2^30 mod q: the quotient belongs to c 2^64, its upper bits to c 2^30.
      u64 lifted = (c[i].value << 30) - (c[i].quotient >> 34) * f.modulus;
      if (lifted >= f.modulus) lifted -= f.modulus;
      upper[i] = centred(lifted, f.modulus);
    }
  }

  HE_INLINE D operator()(std::size_t at) const {
    constexpr std::size_t untilFull = 15;
    D sum = _mm256_setzero_pd();
    for (std::size_t i = 0; i < count; i++) {
      const D c = all(w[i]);
      if (whole) {
        sum = plus(sum, product(loadValues(y[i] + at), c, m));
      } else {
        const Parts p = partsOf(loadWords(y[i] + at));
        sum = plus(sum, plus(product(p.lower, c, m), product(p.upper, all(upper[i]), m)));
      }
      if (i % untilFull == untilFull - 1) sum = balanced(sum, m);
    }
    return balanced(sum, m);
  }
};

void convert(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound, std::size_t n) {
  const Conversion conversion(f, y, c, count, bound);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(conversion(i), conversion.m)); });
}

void convertForwardLazy(const FieldData& f, u64* dst, const u64* const* y, const Constant* c, std::size_t count, u64 bound) {
  Transform(f).forward(Conversion(f, y, c, count, bound), dst);
}

void subtractScale(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, std::size_t n) {
  const Modulus m(f);
  const Factor w = factorOf(c.value, f);
  each(n, [&](std::size_t i) { storeValues(dst + i, nonNegative(product(minus(loadValues(a + i), loadValues(b + i)), w, m), m)); });
}

/** Block v of a permuted limb, from the block that it comes from. */
HE_INLINE void shuffle(const Automorphism& p, std::size_t v, u64* dst, const u64* block) {
  const u64* lane = p.lanes[p.pattern[v]];
  HE_UNROLL for (int k = 0; k < 8; k++) dst[k] = block[lane[k]];
}

void subtractScaleAdd(const FieldData& f, u64* dst, const u64* a, const u64* b, Constant c, const u64* addend, const Automorphism* p) {
  const Modulus m(f);
  const Factor w = factorOf(c.value, f);
  const auto value = [&](std::size_t at) HE_INLINE_LAMBDA {
    const D x = product(minus(loadValues(a + at), loadValues(b + at)), w, m);
    return addend != nullptr ? reduced(plus(x, loadValues(addend + at)), m) : nonNegative(x, m);
  };
  if (p == nullptr) return each(f.degree, [&](std::size_t i) { storeValues(dst + i, value(i)); });
  alignas(64) u64 block[8];
  for (std::size_t v = 0; v < f.degree / 8; v++) {
    const std::size_t from = 8 * std::size_t{p->block[v]};
    storeValues(block, value(from));
    storeValues(block + 4, value(from + 4));
    shuffle(*p, v, dst + 8 * v, block);
  }
}

void permuteLimb(const Automorphism& p, u64* dst, const u64* src) {
  for (std::size_t v = 0; v < p.degree / 8; v++) shuffle(p, v, dst + 8 * v, src + 8 * std::size_t{p.block[v]});
}

void permuteAddLimb(const FieldData& f, const Automorphism& p, u64* dst, const u64* src, const u64* addend) {
  const __m256i q = _mm256_set1_epi64x(static_cast<long long>(f.modulus));
  alignas(64) u64 block[8];
  for (std::size_t v = 0; v < p.degree / 8; v++) {
    shuffle(p, v, block, src + 8 * std::size_t{p.block[v]});
    for (std::size_t k = 8 * v; k < 8 * v + 8; k += lanes) {
      const __m256i x = _mm256_sub_epi64(_mm256_add_epi64(loadWords(block + (k - 8 * v)), loadWords(addend + k)), q);
      const __m256i lift = _mm256_and_si256(_mm256_cmpgt_epi64(_mm256_setzero_si256(), x), q);
      _mm256_store_si256(reinterpret_cast<__m256i*>(dst + k), _mm256_add_epi64(x, lift));
    }
  }
}

}  // namespace

const KernelTable avx2Kernels = {
    .path = Path::avx2,
    .shift = 64,
    .forwardRoots = RootForm::floating,
    .inverseRoots = RootForm::floating,
    .montgomeryMultiplicands = false,
    .forward = forward,
    .forwardLazy = forwardLazy,
    .forwardPacked = nullptr,
    .inverse = inverse,
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
    .convertForwardLazy = convertForwardLazy,
    .convertPackedForwardLazy = nullptr,
    .subtractScale = subtractScale,
    .subtractScaleAdd = subtractScaleAdd,
    .permute = permuteLimb,
    .permuteAdd = permuteAddLimb,
};

}  // namespace he
