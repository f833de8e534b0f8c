/** Scalar arithmetic modulo a 64-bit number, for set-up and the portable kernels. `static`: vector files get no shared copies. */
#pragma once
#include <cstdint>

namespace he::modular {

using u64 = std::uint64_t;
__extension__ typedef unsigned __int128 u128;

static inline u64 high(u64 a, u64 b) noexcept { return static_cast<u64>((static_cast<u128>(a) * b) >> 64); }

static inline u64 multiply(u64 a, u64 b, u64 q) noexcept { return static_cast<u64>(static_cast<u128>(a) * b % q); }

static inline u64 power(u64 base, u64 exponent, u64 q) noexcept {
  u64 result = 1 % q;
  for (base %= q; exponent != 0; exponent >>= 1, base = multiply(base, base, q))
    if (exponent & 1) result = multiply(result, base, q);
  return result;
}

/** Of a prime modulus. */
static inline u64 inverse(u64 a, u64 q) noexcept { return power(a, q - 2, q); }

/** floor(a * 2^shift / q) for a < q, shift <= 64. */
static inline u64 quotient(u64 a, unsigned shift, u64 q) noexcept {
  return static_cast<u64>((static_cast<u128>(a) << shift) / q);
}

/** q^-1 mod 2^64 of an odd q (Newton). */
static inline u64 inverseOfWord(u64 q) noexcept {
  u64 x = q;
  for (int i = 0; i < 5; i++) x *= 2 - q * x;
  return x;
}

static inline u64 reverseBits(u64 value, unsigned bits) noexcept {
  u64 result = 0;
  for (unsigned i = 0; i < bits; i++) result |= ((value >> i) & 1) << (bits - 1 - i);
  return result;
}

}  // namespace he::modular
