/** Sums of products with IFMA: key inner products and base conversions. */
#pragma once
#include "ifma-arithmetic.h"

namespace he {
namespace {

/** Two 104-bit sums for each place: of x y0 and of x y1. */
struct Sums {
  V low0 = zero(), high0 = zero(), low1 = zero(), high1 = zero();
};

constexpr std::size_t chunkWords = 512, groupTerms = 8;

/** What a chunk of places carries from one group of terms to the next; stays in the first-level cache. */
struct alignas(64) Carried {
  u64 word[4][chunkWords];
};

/** How far ahead operands are asked for. Main memory takes longer than ten steps of a loop; nearer and farther measured slower. */
constexpr std::size_t wordsAhead = 512;

/** The width of operands that are kept once for a run of places. */
constexpr unsigned inRuns = 0;

/** Eight operands of a width in bytes, from a multiple of eight on: words, packed residues (`packed.h`), or eight times that of a run. */
template <unsigned width>
HE_INLINE V eight(const u64* start, std::size_t at, unsigned logRun = 0) {
  if constexpr (width == wordWidth) {
    return load(start + at);
  } else if constexpr (width == inRuns) {
    return all(start[at >> logRun]);
  } else {
    const auto* const p = reinterpret_cast<const std::byte*>(start + packedWords(width, at));
    const V lower = _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    if constexpr (width == 4) return lower;
    const auto* const rest = reinterpret_cast<const __m128i*>(p + 32);
    const V upper = width == 5 ? _mm512_cvtepu8_epi64(_mm_loadl_epi64(rest)) : _mm512_cvtepu16_epi64(_mm_loadu_si128(rest));
    return _mm512_or_si512(lower, _mm512_slli_epi64(upper, 32));
  }
}

/**
 * Keys and diagonals come from main memory, in more streams than the processor follows by itself. To the second-level cache only:
 * in the first, lines of many operands that share a set would drive one another out.
 */
template <unsigned width>
HE_INLINE void ahead(const u64* start, std::size_t at) {
  if constexpr (width != inRuns) _mm_prefetch(reinterpret_cast<const char*>(start + packedWords(width, at + wordsAhead)), _MM_HINT_T1);
}

/** @tparam X, Y widths of the operands x and y */
template <unsigned X, unsigned Y>
struct Accumulation {
  const Modulus m;
  const u64* const* x;
  const u64* const* y0;
  const u64* const* y1;
  u64* dst0;
  u64* dst1;
  bool add, wide;  // wide: the sums may pass 2^52
  unsigned logRun = 0;  // of x

  HE_INLINE void finish(u64* dst, V lo, V hi) const {
    V sum = montgomery(lo, hi, m);
    sum = wide ? barrettWide(sum, m) : barrett(sum, m);
    if (add) sum = once(plus(sum, load(dst)), m.q);
    store(dst, sum);
  }

  template <std::size_t terms, bool two>
  HE_INLINE void group(Carried& carried, std::size_t start, std::size_t words, std::size_t firstTerm, bool isLast) const {
    const u64 *xs[terms], *y0s[terms], *y1s[terms];
    for (std::size_t t = 0; t < terms; t++) {
      xs[t] = x[firstTerm + t], y0s[t] = y0[firstTerm + t];
      if constexpr (two) y1s[t] = y1[firstTerm + t];
    }
    for (std::size_t i = 0; i < words; i += 8) {
      Sums s;
      if (firstTerm != 0) {
        s.low0 = load(carried.word[0] + i), s.high0 = load(carried.word[1] + i);
        if constexpr (two) s.low1 = load(carried.word[2] + i), s.high1 = load(carried.word[3] + i);
      }
      HE_UNROLL for (std::size_t t = 0; t < terms; t++) {
        const V factor = eight<X>(xs[t], start + i, logRun), a = eight<Y>(y0s[t], start + i);
        ahead<X>(xs[t], start + i), ahead<Y>(y0s[t], start + i);
        s.low0 = low(s.low0, factor, a), s.high0 = high(s.high0, factor, a);
        if constexpr (two) {
          const V b = eight<Y>(y1s[t], start + i);
          ahead<Y>(y1s[t], start + i);
          s.low1 = low(s.low1, factor, b), s.high1 = high(s.high1, factor, b);
        }
      }
      if (isLast) {
        finish(dst0 + start + i, s.low0, s.high0);
        if constexpr (two) finish(dst1 + start + i, s.low1, s.high1);
      } else {
        store(carried.word[0] + i, s.low0), store(carried.word[1] + i, s.high0);
        if constexpr (two) store(carried.word[2] + i, s.low1), store(carried.word[3] + i, s.high1);
      }
    }
  }

  template <bool two>
  void chunk(Carried& carried, std::size_t start, std::size_t words, std::size_t terms) const {
    for (std::size_t first = 0; first < terms; first += groupTerms) {
      const std::size_t left = terms - first;
      const bool isLast = left <= groupTerms;
      switch (isLast ? left : groupTerms) {
        case 1: group<1, two>(carried, start, words, first, isLast); break;
        case 2: group<2, two>(carried, start, words, first, isLast); break;
        case 3: group<3, two>(carried, start, words, first, isLast); break;
        case 4: group<4, two>(carried, start, words, first, isLast); break;
        case 5: group<5, two>(carried, start, words, first, isLast); break;
        case 6: group<6, two>(carried, start, words, first, isLast); break;
        case 7: group<7, two>(carried, start, words, first, isLast); break;
        default: group<8, two>(carried, start, words, first, isLast); break;
      }
    }
  }

  void run(std::size_t terms, std::size_t n) const {
    Carried carried;
    for (std::size_t start = 0; start < n; start += chunkWords) {
      const std::size_t words = n - start < chunkWords ? n - start : chunkWords;
      if (dst1 != nullptr)
        chunk<true>(carried, start, words, terms);
      else
        chunk<false>(carried, start, words, terms);
    }
  }
};

/** Most inputs of a base conversion. */
constexpr std::size_t mostInputs = 64;

/** sum_i y[i] c[i] mod q at one place; the factors c[i] 2^52 mod q come from the Shoup pairs without a division. */
struct Conversion {
  const Modulus m;
  const u64* const* y;
  std::size_t count;
  bool narrow;  // count * bound <= 2^52: sums come out below 2q
  u64 factor[mostInputs];

  Conversion(const FieldData& f, const u64* const* inputs, const Constant* c, std::size_t inputCount, u64 bound)
      : m(f), y(inputs), count(inputCount), narrow(bound <= word52 / inputCount) {
    for (std::size_t i = 0; i < count; i++) factor[i] = (c[i].value << 52) - c[i].quotient * f.modulus;
  }

  /** The sums of products at a place; `fixed` inputs, or `count` of them where it is 0. */
  template <std::size_t fixed>
  HE_INLINE void sums(V& lo, V& hi, std::size_t at) const {
    const std::size_t inputs = fixed != 0 ? fixed : count;
    lo = hi = zero();
    HE_UNROLL for (std::size_t i = 0; i < inputs; i++) {
      const V value = load(y[i] + at), c = all(factor[i]);
      lo = low(lo, value, c), hi = high(hi, value, c);
    }
  }

  /** Reduced, for `narrow` conversions. */
  template <std::size_t fixed>
  HE_INLINE void narrowTo(u64* dst, std::size_t n) const {
    for (std::size_t at = 0; at < n; at += 8) {
      V lo, hi;
      sums<fixed>(lo, hi, at);
      store(dst + at, once(montgomery(lo, hi, m), m.q));
    }
  }

  /** Reduced. tall: inputs may pass 2^52. A value is then v + 2^52 t, and t c 2^52 belongs to the high sum as it is. */
  template <bool tall>
  HE_INLINE V exact(std::size_t at) const {
    constexpr std::size_t untilFull = 8;  // t < 2^8 and factors below 2^50: sixteen products stay below 2^62
    V lo = zero(), hi = zero();
    for (std::size_t i = 0; i < count; i++) {
      const V value = load(y[i] + at), c = all(factor[i]);
      lo = low(lo, value, c), hi = high(hi, value, c);
      if constexpr (tall) {
        hi = plus(hi, _mm512_mullo_epi64(_mm512_srli_epi64(value, 52), c));
        if (i % untilFull == untilFull - 1) hi = barrettWide(hi, m);
      }
    }
    return barrettWide(montgomery(lo, hi, m), m);
  }
};

/** sum_i y[i] c[i] + bytes c[count] mod q, y packed in six bytes. */
struct PackedConversion {
  const Modulus m;
  const u64* const* y;
  const std::uint8_t* bytes;
  std::size_t count;
  u64 factor[mostInputs];

  PackedConversion(const FieldData& f, const u64* const* inputs, const std::uint8_t* lastInput, const Constant* c, std::size_t inputCount)
      : m(f), y(inputs), bytes(lastInput), count(inputCount) {
    for (std::size_t i = 0; i <= count; i++) factor[i] = (c[i].value << 52) - c[i].quotient * f.modulus;
  }

  /** Reduced. `fixed` inputs, or `count` of them where it is 0. */
  template <std::size_t fixed>
  HE_INLINE void run(u64* dst, std::size_t n) const {
    constexpr std::size_t untilWide = 15;  // as many products of 48 bits and the bytes' stay below q 2^52
    const std::size_t inputs = fixed != 0 ? fixed : count;
    const V last = all(factor[inputs]);
    for (std::size_t at = 0; at < n; at += 8) {
      const V multiples = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes + at)));
      V lo = low(zero(), multiples, last), hi = high(zero(), multiples, last);
      HE_UNROLL for (std::size_t i = 0; i < inputs; i++) {
        const V value = eight<6>(y[i], at), c = all(factor[i]);
        lo = low(lo, value, c), hi = high(hi, value, c);
      }
      const V sum = montgomery(lo, hi, m);
      store(dst + at, fixed != 0 || inputs <= untilWide ? once(sum, m.q) : barrettWide(sum, m));
    }
  }
};

}  // namespace
}  // namespace he
