/** Randomness of the operating system's generator, for everything secret and for seeds. */
#pragma once
#include <cstddef>
#include <stdexcept>

#include "../format/seeded-stream.h"

namespace he::random {

/** The operating system gives no randomness. Nothing that needs it may go on. */
class NoRandomness : public std::runtime_error {
 public:
  NoRandomness() : std::runtime_error("the operating system's random generator failed") {}
};

/** @throws NoRandomness */
void systemRandom(void* out, std::size_t bytes);

/** A new seed for a public uniform polynomial. @throws NoRandomness */
format::Seed freshSeed();

}  // namespace he::random
