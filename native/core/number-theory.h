/** Primes and roots of unity, at set-up only. */
#pragma once
#include <cstddef>
#include <cstdint>

namespace he {

/** Deterministic for every 64-bit number (Miller and Rabin with the first twelve prime bases). */
bool isPrime(std::uint64_t n) noexcept;

/** The numerically smallest primitive 2N-th root of unity modulo a prime q = 1 mod 2N: the one that SEAL takes. */
std::uint64_t smallestRoot(std::uint64_t q, std::size_t degree) noexcept;

}  // namespace he
