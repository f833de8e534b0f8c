#include "uniform.h"

#include <vector>

namespace he::format {
namespace {

/** Division by one prime (Barrett, with the quotient's upper word only). */
class Reducer {
 public:
  explicit Reducer(u64 modulus) noexcept : modulus_(modulus), ratio_(~u64{0} / modulus) {}

  u64 operator()(u64 x) const noexcept {
    const u64 quotient = static_cast<u64>(static_cast<unsigned __int128>(x) * ratio_ >> 64);
    // The quotient is short by at most one: ratio_ is by less than one, which x < 2^64 turns into less than one again.
    const u64 remainder = x - quotient * modulus_;
    const u64 reduced = remainder - modulus_;
    return reduced + (modulus_ & (u64{0} - (reduced >> 63)));
  }

 private:
  u64 modulus_, ratio_;
};

/** Words from here up are rejected; SEAL's bound, which is one below the largest multiple of q. */
u64 rejectionBound(u64 modulus) noexcept { return ~u64{0} - ~u64{0} % modulus - 1; }

/** One limb, as its part of the stream gives it; returns the positions that need another word. */
std::vector<std::size_t> fillLimb(const Seed& seed, std::size_t limb, std::size_t degree, u64 modulus, u64* out) {
  constexpr std::size_t kPageWords = kSeedPageBytes / sizeof(u64);
  const std::size_t pages = degree / kPageWords;
  const u64 bound = rejectionBound(modulus);
  const Reducer reduce(modulus);
  std::vector<std::size_t> rejected;
  for (std::size_t page = 0; page < pages; page++) {
    u64* words = out + page * kPageWords;
    seedPage(seed, limb * pages + page, reinterpret_cast<std::uint8_t*>(words));
    u64 anyRejected = 0;
    for (std::size_t i = 0; i < kPageWords; i++) anyRejected |= words[i] >= bound;
    if (anyRejected != 0) {
      for (std::size_t i = 0; i < kPageWords; i++) {
        if (words[i] >= bound) rejected.push_back(page * kPageWords + i);
      }
    }
    for (std::size_t i = 0; i < kPageWords; i++) words[i] = reduce(words[i]);
  }
  return rejected;
}

}  // namespace

void expandSeed(const Context& context, const Seed& seed, std::span<const std::size_t> limbs,
                std::span<u64* const> destination, Threads* threads) {
  const std::size_t degree = context.degree();
  static_assert(kSeedPageBytes == 512 * sizeof(u64), "a limb of the smallest ring, 1024, is a whole number of pages");
  std::vector<std::vector<std::size_t>> rejected(limbs.size());
  const auto fill = [&](std::size_t i, std::size_t) {
    rejected[i] = fillLimb(seed, i, degree, context.field(limbs[i]).modulus(), destination[i]);
  };
  if (threads != nullptr) {
    threads->each(limbs.size(), fill);
  } else {
    for (std::size_t i = 0; i < limbs.size(); i++) fill(i, 0);
  }
  SeededWords rest(seed, limbs.size() * degree * sizeof(u64) / kSeedPageBytes);
  for (std::size_t i = 0; i < limbs.size(); i++) {
    const u64 modulus = context.field(limbs[i]).modulus();
    const u64 bound = rejectionBound(modulus);
    for (const std::size_t at : rejected[i]) {
      u64 word = rest.next();
      while (word >= bound) word = rest.next();
      destination[i][at] = word % modulus;
    }
  }
}

}  // namespace he::format
