#include "seeded-stream.h"

#include <algorithm>

#include "blake2.h"
#include "shake256.h"

namespace he::format {

void seedPage(const Seed& seed, std::uint64_t page, std::uint8_t* out) noexcept {
  const std::span<std::uint8_t> bytes(out, kSeedPageBytes);
  // The seed, then the counter: Blake2xb takes the former as its key, SHAKE256 has none.
  std::uint64_t words[9];
  std::copy(seed.words.begin(), seed.words.end(), words);
  words[8] = page;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(words);
  if (seed.generator == Generator::blake2xb) {
    blake2xb(bytes, {begin + 64, 8}, {begin, 64});
  } else {
    shake256(bytes, {begin, 72});
  }
}

std::uint64_t SeededWords::next() noexcept {
  if (at_ == words_.size()) {
    seedPage(seed_, page_++, reinterpret_cast<std::uint8_t*>(words_.data()));
    at_ = 0;
  }
  return words_[at_++];
}

}  // namespace he::format
