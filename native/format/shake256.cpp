#include "shake256.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "wipe.h"

static_assert(std::endian::native == std::endian::little, "lanes are read and written as they lie in memory");

namespace he::format {
namespace {

using Lane = std::uint64_t;

/** 1600 bits of state less twice the security strength of 256 bits. */
constexpr std::size_t kRate = 136;

constexpr Lane kRoundConstants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

/** Rotations and destinations of rho and pi along their one cycle of 24 lanes (FIPS 202, 3.2.2 and 3.2.3). */
constexpr int kRotations[24] = {1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44};
constexpr int kLanes[24] = {10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};

void permute(Lane (&a)[25]) noexcept {
  for (const Lane constant : kRoundConstants) {
    Lane column[5];
    for (int x = 0; x < 5; x++) column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int x = 0; x < 5; x++) {
      const Lane theta = column[(x + 4) % 5] ^ std::rotl(column[(x + 1) % 5], 1);
      for (int y = 0; y < 25; y += 5) a[x + y] ^= theta;
    }
    Lane moving = a[1];
    for (int i = 0; i < 24; i++) moving = std::exchange(a[kLanes[i]], std::rotl(moving, kRotations[i]));
    for (int y = 0; y < 25; y += 5) {
      Lane row[5];
      std::copy_n(a + y, 5, row);
      for (int x = 0; x < 5; x++) a[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
    a[0] ^= constant;
  }
}

}  // namespace

void shake256(std::span<std::uint8_t> out, std::span<const std::uint8_t> in) noexcept {
  Lane state[25] = {};
  auto* bytes = reinterpret_cast<std::uint8_t*>(state);
  for (; in.size() >= kRate; in = in.subspan(kRate)) {
    for (std::size_t i = 0; i < kRate; i++) bytes[i] ^= in[i];
    permute(state);
  }
  for (std::size_t i = 0; i < in.size(); i++) bytes[i] ^= in[i];
  bytes[in.size()] ^= 0x1f;
  bytes[kRate - 1] ^= 0x80;
  while (!out.empty()) {
    permute(state);
    const std::size_t length = std::min(kRate, out.size());
    std::memcpy(out.data(), bytes, length);
    out = out.subspan(length);
  }
  wipe(state, sizeof state);
}

}  // namespace he::format
