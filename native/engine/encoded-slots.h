/** Slot values as a polynomial with integer coefficients, about to be encrypted; wiped when it goes. */
#pragma once
#include <span>

#include "../core/memory.h"
#include "encoder.h"

namespace he {

class EncodedSlots {
 public:
  /**
   * @param slots N/2 finite values
   * @throws std::invalid_argument if there are not N/2, or one times the scale does not fit the modulus of the level
   */
  EncodedSlots(const Context& context, const Encoder& encoder, Pool& pool, std::span<const double> slots, std::size_t level,
               double scale);

  /** Of one limb, coefficient form. */
  void residues(const Field& field, u64* out) const;

 private:
  Block values_;  // doubles, and integers if they are small enough
  bool large_;
};

}  // namespace he
