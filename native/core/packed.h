/**
 * Numbers in as many bytes as they need, for what comes from main memory whenever it is used: keys and diagonals, whose residues are
 * below a modulus, and diagonals of which only the coefficients are kept, signed integers.
 * Eight of them take `width` words: their lower halves (32 bits each), then the rest of each in 0, 1 or 2 bytes; or they are words.
 */
#pragma once
#include <cstddef>
#include <cstdint>

namespace he {

using Packed = const std::uint64_t*;

constexpr unsigned wordWidth = sizeof(std::uint64_t);
constexpr std::size_t packedGroup = 8;

/** Bytes of a reduced residue where it is packed: 4, 5, 6, or those of a word. */
constexpr unsigned packedWidth(std::uint64_t modulus) noexcept {
  for (unsigned width = 4; width <= 6; ++width) {
    if (modulus <= std::uint64_t{1} << (8 * width)) return width;
  }
  return wordWidth;
}

/** Words that n residues take, a multiple of 8. */
constexpr std::size_t packedWords(unsigned width, std::size_t n) noexcept { return n / packedGroup * width; }

/** The same for signed integers up to a magnitude: half of the numbers of so many bytes is added to each, so that none is negative. */
constexpr unsigned integerWidth(double largest) noexcept {
  for (unsigned width = 4; width <= 6; ++width) {
    if (largest < static_cast<double>(std::uint64_t{1} << (8 * width - 1))) return width;
  }
  return wordWidth;
}
constexpr std::uint64_t integerOffset(unsigned width) noexcept { return std::uint64_t{1} << (8 * width - 1); }
/** In place. @param n integers, a multiple of 8 */
void packIntegers(std::uint64_t* integers, unsigned width, std::size_t n) noexcept;

/** @param dst may be src @param n residues, a multiple of 8 */
void pack(std::uint64_t* dst, const std::uint64_t* src, unsigned width, std::size_t n) noexcept;
void unpack(std::uint64_t* dst, Packed src, unsigned width, std::size_t n) noexcept;

}  // namespace he
