#include "samplers.h"

#include <algorithm>
#include <array>

#include "system-random.h"

namespace he::random {
namespace {

/** Entry k is round(2^63 P(|x| <= k)), P(x) proportional to exp(-x^2 / (2 * 3.2^2)). */
constexpr u64 kCumulative[] = {
    0x0ff52b4064a1f258, 0x2e5a25d4026fff6e, 0x489ae2682e3db9bb, 0x5d2bc20de6f95106, 0x6bc8694a862fcdcf,
    0x7532d898e9d195da, 0x7ab396c980f5facb, 0x7d9e4e8f6717ea70, 0x7f054956150a592b, 0x7fa1ce99f8dbf691,
    0x7fdfb3f00a8f3398, 0x7ff5e6f7c97d68d9, 0x7ffd1f95b372bd36, 0x7fff40f7f7aedc64, 0x7fffd2e62d057ef0,
    0x7ffff6503aaa2875, 0x7ffffe1bab99a744, 0x7fffffaa0140ce53, 0x7ffffff21f8a3a77, 0x7ffffffdf72301f4,
    0x7fffffffba9fd472, 0x7ffffffff79b78ce, 0x7fffffffff13f6f9, 0x7fffffffffe8748a, 0x7ffffffffffdde24,
    0x7fffffffffffd320, 0x7ffffffffffffca7, 0x7fffffffffffffc6, 0x7ffffffffffffffc};
static_assert(std::size(kCumulative) == kErrorBound);

constexpr u64 kMagnitudeMask = ~u64{0} >> 1;

/** Words handled at a time: they stay in the first-level cache while the table passes over them. */
constexpr std::size_t kChunk = 1024;

template <std::size_t size>
struct WipedWords {
  std::array<u64, size> words;
  ~WipedWords() { format::wipe(words.data(), sizeof words); }
};

void errorsOfWords(std::int8_t* out, const u64* words, std::size_t count) noexcept {
  WipedWords<kChunk> magnitudes;
  for (std::size_t i = 0; i < count; i++) magnitudes.words[i] = 0;
  for (const u64 threshold : kCumulative) {
    // Both are below 2^63, so the difference is negative, its top bit set, just where the word reaches the threshold.
    for (std::size_t i = 0; i < count; i++) {
      magnitudes.words[i] += (threshold - 1 - (words[i] & kMagnitudeMask)) >> 63;
    }
  }
  for (std::size_t i = 0; i < count; i++) {
    const u64 sign = words[i] >> 63;
    out[i] = static_cast<std::int8_t>((magnitudes.words[i] ^ (u64{0} - sign)) + sign);
  }
}

}  // namespace

std::int8_t errorOfWord(u64 word) noexcept {
  std::int8_t value;
  errorsOfWords(&value, &word, 1);
  return value;
}

void sampleError(std::span<std::int8_t> out) {
  WipedWords<kChunk> random;
  for (std::size_t at = 0; at < out.size(); at += kChunk) {
    const std::size_t count = std::min(kChunk, out.size() - at);
    systemRandom(random.words.data(), count * sizeof(u64));
    errorsOfWords(out.data() + at, random.words.data(), count);
  }
}

void sampleTernary(std::span<std::int8_t> out) {
  constexpr std::size_t kBytes = kChunk * sizeof(u64);
  WipedWords<kChunk> random;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(random.words.data());
  std::size_t made = 0;
  while (made < out.size()) {
    systemRandom(random.words.data(), kBytes);
    for (std::size_t i = 0; i < kBytes && made < out.size(); i++) {
      // 255 = 3 * 85 bytes are kept. Which are dropped says nothing about the values of those that are not.
      const unsigned byte = bytes[i];
      const unsigned remainder = byte - 3 * (byte * 171 >> 9);
      out[made] = static_cast<std::int8_t>(static_cast<int>(remainder) - 1);
      made += byte != 255;
    }
  }
}

void sampleSparse(std::span<std::int8_t> out, std::size_t weight) {
  WipedWords<kChunk> random;
  u64 wanted = weight;
  for (std::size_t at = 0; at < out.size(); at += kChunk / 2) {
    const std::size_t count = std::min(kChunk / 2, out.size() - at);
    systemRandom(random.words.data(), 2 * count * sizeof(u64));
    for (std::size_t i = 0; i < count; i++) {
      // One of the entries left, of which the first `wanted` mean yes: taken with probability wanted / left.
      const u64 left = out.size() - at - i;
      const u64 drawn = static_cast<u64>(static_cast<unsigned __int128>(random.words[2 * i]) * left >> 64);
      const u64 taken = (drawn - wanted) >> 63;
      const u64 negative = (random.words[2 * i + 1] & 1) * taken;
      out[at + i] = static_cast<std::int8_t>(static_cast<std::int64_t>(taken) - 2 * static_cast<std::int64_t>(negative));
      wanted -= taken;
    }
  }
}

void toResidues(u64* out, std::span<const std::int8_t> values, u64 modulus) noexcept {
  for (std::size_t i = 0; i < values.size(); i++) {
    const std::int64_t value = values[i];
    out[i] = static_cast<u64>(value) + (modulus & static_cast<u64>(value >> 63));
  }
}

void addResidues(u64* out, std::span<const std::int8_t> values, u64 modulus) noexcept {
  for (std::size_t i = 0; i < values.size(); i++) {
    const std::int64_t value = values[i];
    const u64 sum = out[i] + static_cast<u64>(value) + (modulus & static_cast<u64>(value >> 63)) - modulus;
    out[i] = sum + (modulus & (u64{0} - (sum >> 63)));
  }
}

}  // namespace he::random
