#include "profile.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <vector>

#include "../core/memory.h"
#include "encoder.h"

namespace he {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double secondsPerKernel = 0.02;
constexpr std::size_t streamedBytes = std::size_t{64} << 20;
constexpr std::size_t terms = 8;
/** Words between limbs, as in the engine's `Limbs`: streams a power of two apart would meet in the same cache sets. */
constexpr std::size_t padding = 72;

/** Median nanoseconds of one call. */
double nanoseconds(const std::function<void()>& body) {
  body();
  std::vector<double> times;
  double total = 0;
  while (times.size() < 5 || (total < secondsPerKernel * 1e9 && times.size() < 2000)) {
    const auto start = Clock::now();
    body();
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
    total += times.back();
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/** Reduced values without a pattern that a processor could guess. */
void fill(u64* limb, std::size_t n, u64 modulus) {
  u64 state = 0x9e3779b97f4a7c15ULL;
  for (std::size_t i = 0; i < n; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    limb[i] = (state >> 4) % modulus;
  }
}

}  // namespace

KernelTimes profileKernels(std::size_t degree, u64 modulus, Path path) {
  const auto field = makeField(modulus, degree, path);
  const auto automorphism = makeAutomorphism(3, degree);
  const std::size_t stride = degree + padding;
  const std::size_t streamed = std::max<std::size_t>(2 * terms, streamedBytes / (stride * sizeof(u64)));
  Pool pool((streamed + 3 * terms + 8) * stride * sizeof(u64) + (std::size_t{1} << 20));
  const Block memory(pool, (streamed + 2 * terms + 4) * stride);
  const auto limb = [&](std::size_t index) { return memory.data() + index * stride; };
  u64* const first = limb(streamed + 2 * terms);
  u64* const second = limb(streamed + 2 * terms + 1);
  u64* const third = limb(streamed + 2 * terms + 2);
  for (std::size_t i = 0; i < streamed + 2 * terms + 4; ++i) fill(limb(i), degree, modulus);

  std::array<const u64*, terms> x{}, y0{}, y1{};
  std::array<Constant, terms> constants{};
  for (std::size_t t = 0; t < terms; ++t) {
    x[t] = limb(t);
    y0[t] = limb(streamed + 2 * t);
    y1[t] = limb(streamed + 2 * t + 1);
    constants[t] = field->constant(t + 3);
  }
  const Constant one = field->constant(1);

  KernelTimes times;
  times.path = field->path();
  times.forward = nanoseconds([&] { field->forward(second, first); });
  times.inverse = nanoseconds([&] { field->inverse(second, first, one); });
  times.multiply = nanoseconds([&] { field->multiply(third, first, second, degree); });
  times.add = nanoseconds([&] { field->add(third, first, second, degree); });
  times.permute = nanoseconds([&] { permute(*automorphism, second, first); });
  times.convert = nanoseconds([&] { field->convert(second, x.data(), constants.data(), terms, degree); }) / terms;
  // Short enough that all operands stay in the second-level cache, as in the engine's loops.
  const std::size_t length = std::min<std::size_t>(degree, 1024);
  times.accumulate = nanoseconds([&] {
                       field->multiplyAccumulate(second, third, x.data(), y0.data(), y1.data(), terms, false, length);
                     }) /
                     (2 * terms) * static_cast<double>(degree) / static_cast<double>(length);
  std::size_t next = 0;
  times.accumulateStreamed = nanoseconds([&] {
                               for (std::size_t t = 0; t < terms; ++t) x[t] = limb((next + t) % streamed);
                               next += terms;
                               field->multiplyAccumulate(second, third, x.data(), y0.data(), y1.data(), terms, false, degree);
                             }) /
                             terms;

  const Encoder encoder(degree);
  const std::vector<double> slots(degree / 2, 0.7);
  auto* const coefficients = reinterpret_cast<double*>(first);
  times.encode = nanoseconds([&] {
    encoder.coefficients(coefficients, slots, {}, 1099511627776.0, reinterpret_cast<double*>(second));
    Encoder::round(reinterpret_cast<std::int64_t*>(first), coefficients, degree);
  });
  return times;
}

}  // namespace he
