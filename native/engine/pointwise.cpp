#include "pointwise.h"

#include "multiversion.h"

namespace he {

namespace {

// Blocks that stay in the first-level cache, several primes at a time.
constexpr std::size_t block = 256;

HE_MULTIVERSION
void addQuotients1(double* __restrict sums, const u64* const* y, const double* r, std::size_t n) noexcept {
  const u64* const y0 = y[0];
  const double r0 = r[0];
  for (std::size_t i = 0; i < n; ++i) sums[i] += static_cast<double>(y0[i]) * r0;
}

HE_MULTIVERSION
void addQuotients3(double* __restrict sums, const u64* const* y, const double* r, std::size_t n) noexcept {
  const u64 *const y0 = y[0], *const y1 = y[1], *const y2 = y[2];
  const double r0 = r[0], r1 = r[1], r2 = r[2];
  for (std::size_t i = 0; i < n; ++i) {
    sums[i] += static_cast<double>(y0[i]) * r0 + static_cast<double>(y1[i]) * r1 + static_cast<double>(y2[i]) * r2;
  }
}

HE_MULTIVERSION
void truncate(u64* e, const double* __restrict sums, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) e[i] = static_cast<u64>(sums[i]);
}

}  // namespace

void countMultiples(u64* e, const u64* const* y, const double* reciprocals, std::size_t count, std::size_t n) noexcept {
  double sums[block];
  for (std::size_t first = 0; first < n; first += block) {
    const std::size_t length = n - first < block ? n - first : block;
    for (std::size_t i = 0; i < length; ++i) sums[i] = 0.5;
    const u64* sources[3];
    for (std::size_t k = 0; k < count;) {
      const std::size_t together = count - k >= 3 ? 3 : 1;
      for (std::size_t i = 0; i < together; ++i) sources[i] = y[k + i] + first;
      (together == 3 ? addQuotients3 : addQuotients1)(sums, sources, reciprocals + k, length);
      k += together;
    }
    truncate(e + first, sums, length);
  }
}

HE_MULTIVERSION
void countHalves(u64* e, const u64* y, u64 q, std::size_t n) noexcept {
  const u64 half = q >> 1;
  for (std::size_t i = 0; i < n; ++i) e[i] = y[i] > half ? 1 : 0;
}

HE_MULTIVERSION
void markFlips(u64* e, u64 element, std::size_t degree) noexcept {
  for (std::size_t i = 0; i < degree; ++i) e[i] = (i * element & degree) != 0 ? 1 : 0;
}

HE_MULTIVERSION
void fillFlippedZeros(u64* y, u64 q, u64 element, std::size_t degree) noexcept {
  for (std::size_t i = 0; i < degree; ++i) y[i] = (i * element & degree) != 0 && y[i] == 0 ? q : y[i];
}

HE_MULTIVERSION
void addConstant(u64* dst, const u64* a, u64 c, u64 q, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const u64 sum = a[i] + c;
    dst[i] = sum >= q ? sum - q : sum;
  }
}

HE_MULTIVERSION
void addOffset(u64* dst, const std::int64_t* a, u64 offset, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) dst[i] = static_cast<u64>(a[i]) + offset;
}

}  // namespace he
