/** Operations that stay within a limb, as loops over one limb; and the rescale. */
#pragma once
#include "key-switch.h"
#include "plaintexts.h"

namespace he {

/** One limb-local operation with its operands resolved: polynomials as pointers to their first limb. */
struct LimbOperation {
  enum class Kind : std::uint8_t { copy, multiply, multiplyPlain, multiplyPlainAdd, add, addPlain };
  Kind kind = Kind::copy;
  std::size_t level = 0;
  std::size_t leftSize = 0, rightSize = 0;
  std::array<const u64*, 3> left{}, right{};
  std::array<u64*, 3> result{};
  const Plain* plain = nullptr;
  /** Constants of the plaintext, by limb, in the field's form; of products only. */
  std::vector<Constant> constants;
};

/** Runs one operation on limb j <= operation.level. Results may be operands of the same position. */
void runOnLimb(const Context& context, const LimbOperation& operation, std::size_t limb, u64* spare) noexcept;

/** Divides by q_level, rounding as SEAL does. @param ciphertext of any size, at level 1 or above */
Ciphertext rescale(Workspace& workspace, const KeySwitcher& switcher, const Ciphertext& ciphertext, double scale);

}  // namespace he
