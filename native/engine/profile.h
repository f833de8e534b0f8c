/** Times of the kernels on this machine: what the compiler's cost model is made of. */
#pragma once
#include "../core/kernels.h"

namespace he {

/** Nanoseconds per limb of N coefficients, medians. */
struct KernelTimes {
  Path path = Path::automatic;
  double forward = 0;
  double inverse = 0;
  double accumulate = 0;          // one product added to a sum, operands in cache
  double accumulateStreamed = 0;  // one term of two products whose common factor comes from memory
  double multiply = 0;
  double convert = 0;             // one source limb of a base conversion
  double permute = 0;
  double add = 0;
  double encode = 0;              // a slot vector to rounded coefficients, before any limb's transform
};

/**
 * Takes some tenths of a second and 64 MiB.
 * @throws std::invalid_argument as `makeField`
 */
KernelTimes profileKernels(std::size_t degree, u64 modulus, Path path = Path::automatic);

}  // namespace he
