// Index tables of Galois automorphisms in bit-reversed NTT order.
#include <bit>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernel-table.h"
#include "modular.h"

namespace he {

namespace {

struct alignas(64) Lanes {
  u64 of[8];
};

struct OwningAutomorphism {
  Automorphism view;
  std::vector<u32> block;
  std::vector<std::uint8_t> pattern;
  Lanes lanes[8];
};

}  // namespace

std::shared_ptr<const Automorphism> makeAutomorphism(u64 element, std::size_t degree) {
  constexpr std::size_t smallest = 1024, largest = 131072;
  if (!std::has_single_bit(degree) || degree < smallest || degree > largest)
    throw std::invalid_argument("degree " + std::to_string(degree) + " is not a power of two in 1024 ... 131072");
  if (element % 2 == 0 || element >= 2 * degree)
    throw std::invalid_argument("Galois element " + std::to_string(element) + " is not odd and below " + std::to_string(2 * degree));
  const auto owner = std::make_shared<OwningAutomorphism>();
  owner->block.resize(degree / 8);
  owner->pattern.resize(degree / 8);
  const unsigned bits = static_cast<unsigned>(std::countr_zero(degree));
  // Place i holds the value at root^(2 rev(i) + 1); after the automorphism that of root^(element * (2 rev(i) + 1)).
  const auto source = [&](std::size_t i) {
    const u64 exponent = element * (2 * modular::reverseBits(i, bits) + 1) & (2 * degree - 1);
    return modular::reverseBits((exponent - 1) / 2, bits);
  };
  // The low three bits of a place are the high bits of the exponent: the eight neighbours differ by multiples of N/4 in the
  // exponent, before as after, so they come from one block, in an order that the first one decides.
  for (std::size_t v = 0; v < degree / 8; v++) {
    const u64 first = source(8 * v);
    owner->block[v] = static_cast<u32>(first / 8);
    owner->pattern[v] = static_cast<std::uint8_t>(first % 8);
    for (std::size_t k = 0; k < 8; k++) owner->lanes[first % 8].of[k] = source(8 * v + k) % 8;
  }
  owner->view = {degree, element, owner->block.data(), owner->pattern.data(), &owner->lanes[0].of};
  return {owner, &owner->view};
}

}  // namespace he
