/** Loops over coefficients that belong to no prime's field: quotients of base conversions, signs, integers. */
#pragma once
#include <cstddef>
#include <cstdint>

#include "../core/kernels.h"

namespace he {

/** e = round(sum_i y[i] * reciprocals[i]): how often the primes' product fits into a base conversion. */
void countMultiples(u64* e, const u64* const* y, const double* reciprocals, std::size_t count, std::size_t n) noexcept;

/** e = 1 where y > (q - 1) / 2, exactly: `countMultiples` for one prime. */
void countHalves(u64* e, const u64* y, u64 q, std::size_t n) noexcept;

/** e = 1 where x -> x^element changes the sign of a coefficient, else 0; one limb. */
void markFlips(u64* e, u64 element, std::size_t degree) noexcept;
/** Zeros whose sign the automorphism would change become q; one limb. */
void fillFlippedZeros(u64* y, u64 q, u64 element, std::size_t degree) noexcept;

/** dst = a + c mod q; a and c reduced. */
void addConstant(u64* dst, const u64* a, u64 c, u64 q, std::size_t n) noexcept;

/** dst = a + offset as unsigned words; with a multiple of q as offset, signed integers become values that `reduce` takes. */
void addOffset(u64* dst, const std::int64_t* a, u64 offset, std::size_t n) noexcept;

}  // namespace he
