/** SHAKE256 (FIPS 202): the other generator that SEAL can expand seeds with. */
#pragma once
#include <cstdint>
#include <span>

namespace he::format {

void shake256(std::span<std::uint8_t> out, std::span<const std::uint8_t> in) noexcept;

}  // namespace he::format
