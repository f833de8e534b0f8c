/**
 * The pseudorandom bytes that SEAL expands a seed to: pages of 4096 bytes, page i the output of an extendable hash for the
 * seed and i. Pages do not depend on each other, so several threads can make them.
 */
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace he::format {

/** Numbered as in SEAL's files. */
enum class Generator : std::uint8_t { blake2xb = 1, shake256 = 2 };

struct Seed {
  std::array<std::uint64_t, 8> words{};
  Generator generator = Generator::blake2xb;
};

inline constexpr std::size_t kSeedPageBytes = 4096;

/** @param out kSeedPageBytes bytes */
void seedPage(const Seed& seed, std::uint64_t page, std::uint8_t* out) noexcept;

/** The words of a stream one by one, from page `first` on. */
class SeededWords {
 public:
  SeededWords(const Seed& seed, std::uint64_t first) noexcept : seed_(seed), page_(first) {}
  std::uint64_t next() noexcept;

 private:
  const Seed& seed_;
  std::uint64_t page_;
  std::size_t at_ = kSeedPageBytes / sizeof(std::uint64_t);
  std::array<std::uint64_t, kSeedPageBytes / sizeof(std::uint64_t)> words_;
};

}  // namespace he::format
