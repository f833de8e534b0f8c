#include "packed.h"

#include <cstring>
#include <type_traits>

namespace he {
namespace {

using u64 = std::uint64_t;

struct Nothing {};

/** One group after another, the rest of each residue in a `Rest`. */
template <class Rest>
struct Groups {
  static constexpr std::size_t rest = std::is_same_v<Rest, Nothing> ? 0 : packedGroup * sizeof(Rest);
  std::uint32_t lower[packedGroup];
  Rest upper[packedGroup];

  static void pack(u64* dst, const u64* src, std::size_t n) noexcept {
    auto* to = reinterpret_cast<std::byte*>(dst);
    for (std::size_t i = 0; i < n; i += packedGroup, to += sizeof lower + rest) {
      // Read whole before anything is written: packing may be in place.
      Groups group;
      for (std::size_t k = 0; k < packedGroup; ++k) {
        group.lower[k] = static_cast<std::uint32_t>(src[i + k]);
        if constexpr (rest != 0) group.upper[k] = static_cast<Rest>(src[i + k] >> 32);
      }
      std::memcpy(to, group.lower, sizeof group.lower);
      if constexpr (rest != 0) std::memcpy(to + sizeof group.lower, group.upper, rest);
    }
  }

  static void unpack(u64* dst, Packed src, std::size_t n) noexcept {
    const auto* from = reinterpret_cast<const std::byte*>(src);
    for (std::size_t i = 0; i < n; i += packedGroup, from += sizeof lower + rest) {
      Groups group;
      std::memcpy(group.lower, from, sizeof group.lower);
      if constexpr (rest == 0) {
        for (std::size_t k = 0; k < packedGroup; ++k) dst[i + k] = group.lower[k];
      } else {
        std::memcpy(group.upper, from + sizeof group.lower, rest);
        for (std::size_t k = 0; k < packedGroup; ++k) dst[i + k] = group.lower[k] | u64{group.upper[k]} << 32;
      }
    }
  }
};

}  // namespace

void pack(u64* dst, const u64* src, unsigned width, std::size_t n) noexcept {
  switch (width) {
    case 4: return Groups<Nothing>::pack(dst, src, n);
    case 5: return Groups<std::uint8_t>::pack(dst, src, n);
    case 6: return Groups<std::uint16_t>::pack(dst, src, n);
    default: std::memmove(dst, src, n * sizeof(u64));
  }
}

void packIntegers(u64* integers, unsigned width, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) integers[i] += integerOffset(width);
  pack(integers, integers, width, n);
}

void unpack(u64* dst, Packed src, unsigned width, std::size_t n) noexcept {
  switch (width) {
    case 4: return Groups<Nothing>::unpack(dst, src, n);
    case 5: return Groups<std::uint8_t>::unpack(dst, src, n);
    case 6: return Groups<std::uint16_t>::unpack(dst, src, n);
    default: std::memcpy(dst, src, n * sizeof(u64));
  }
}

}  // namespace he
