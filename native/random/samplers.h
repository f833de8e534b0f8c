/**
 * The two small distributions of Ring-LWE: uniform ternary secrets and discrete Gaussian errors of standard deviation 3.2, as the
 * Homomorphic Encryption Standard (Albrecht et al. 2018, section 2.1.2) assumes. Which instructions run and which
 * addresses are touched does not depend on the values drawn.
 */
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "../core/kernels.h"
#include "../format/wipe.h"

namespace he::random {

inline constexpr double kErrorDeviation = 3.2;
/** Errors are cut here, 9.06 deviations out, where the tail weighs less than 2^-63. */
inline constexpr int kErrorBound = 29;

/** Small secret coefficients, wiped when they go. */
class SmallPolynomial {
 public:
  explicit SmallPolynomial(std::size_t degree) : values_(degree) {}
  SmallPolynomial(SmallPolynomial&&) = default;
  SmallPolynomial(const SmallPolynomial&) = delete;
  SmallPolynomial& operator=(const SmallPolynomial&) = delete;
  ~SmallPolynomial() { format::wipe(values_.data(), values_.size()); }
  std::span<std::int8_t> values() noexcept { return values_; }
  std::span<const std::int8_t> values() const noexcept { return values_; }

 private:
  std::vector<std::int8_t> values_;
};

/** -1, 0 and 1 with exactly equal probability. @throws NoRandomness */
void sampleTernary(std::span<std::int8_t> out);

/**
 * Uniform among the vectors with exactly `weight` entries of -1 and 1, the others 0, by selection sampling (Knuth, TAOCP volume 2, section
 * 3.4.2, algorithm S). Statistical distance from uniform: below 2^-64 an entry.
 * @throws NoRandomness
 */
void sampleSparse(std::span<std::int8_t> out, std::size_t weight);

/**
 * Discrete Gaussian of deviation kErrorDeviation, cut at kErrorBound, by inversion: each value is found by comparing 63 random bits with
 * every entry of the cumulative table; one more bit is the sign. Statistical distance from the exact distribution:
 * 2^-60 per value.
 * @throws NoRandomness
 */
void sampleError(std::span<std::int8_t> out);

/** Residues of small values modulo q. */
void toResidues(u64* out, std::span<const std::int8_t> values, u64 modulus) noexcept;

/** out += values, out reduced before and after. */
void addResidues(u64* out, std::span<const std::int8_t> values, u64 modulus) noexcept;

/** What `sampleError` makes of one random word; for tests of the table. */
std::int8_t errorOfWord(u64 word) noexcept;

}  // namespace he::random
