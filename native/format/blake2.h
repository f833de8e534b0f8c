/**
 * BLAKE2b (RFC 7693) and BLAKE2Xb ("BLAKE2X", Aumasson, Neves, Wilcox-O'Hearn, Winnerlein 2016): what SEAL hashes
 * parameters and expands seeds with.
 */
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace he::format {

using Bytes = std::span<const std::uint8_t>;

/** @param out 1 ... 64 bytes; @param key at most 64 bytes */
void blake2b(std::span<std::uint8_t> out, Bytes in, Bytes key = {}) noexcept;

/** @param out fewer than 2^32 - 1 bytes; @param key at most 64 bytes */
void blake2xb(std::span<std::uint8_t> out, Bytes in, Bytes key = {}) noexcept;

}  // namespace he::format
