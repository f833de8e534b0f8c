/** The uniform polynomial that stands behind a seed. */
#pragma once
#include <cstdint>
#include <span>

#include "../core/threads.h"
#include "../engine/context.h"
#include "seeded-stream.h"

namespace he::format {

/**
 * Fills `destination[i]`, N words each, with residues modulo the prime of limb `limbs[i]` of the context, as SEAL's
 * `sample_poly_uniform` does: all words of all limbs from the stream first; then, in order, words too large to be uniform
 * modulo their prime are drawn anew from what follows in the stream.
 * @param threads null: on the calling thread
 */
void expandSeed(const Context& context, const Seed& seed, std::span<const std::size_t> limbs,
                std::span<std::uint64_t* const> destination, Threads* threads = nullptr);

}  // namespace he::format
