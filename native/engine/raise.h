/**
 * ModRaise with an ephemeral sparse secret (Bossuat, Troncoso-Pastoriza and Hubaux, eprint 2022/024): a ciphertext modulo q_0 is switched
 * to a secret s' of low weight, its centred residues are read modulo the whole chain, where they decrypt to m + q_0 I, and the
 * result is switched back to the dense secret. I is small because s' is: each coefficient is a sum of weight + 1 terms uniform in ±1/2.
 *
 * The first key is a sample under s' modulo q_0 p', p' the first special prime, and only that modulus is so small that a sparse secret is
 * safe: the type has no place for another prime.
 */
#pragma once
#include "key-switch.h"

namespace he {

/** From the dense to the sparse secret, modulo q_0 p': b and a over these two limbs, as multiplicands. */
class EncapsulationKey {
 public:
  EncapsulationKey(Workspace& workspace, format::EncapsulationKeyData data);
  const u64* b(std::size_t limb) const noexcept { return limbs_[2 * limb]; }
  const u64* a(std::size_t limb) const noexcept { return limbs_[2 * limb + 1]; }

 private:
  Limbs limbs_;
};

/** From the sparse to the dense secret, over the extended basis of a level: one digit, since what is switched is below q_0. */
class DecapsulationKey {
 public:
  DecapsulationKey(Workspace& workspace, format::DecapsulationKeyData data);
  std::size_t level() const noexcept { return level_; }
  /** By index: data limbs first. */
  const u64* b(std::size_t index) const noexcept { return limbs_[2 * index]; }
  const u64* a(std::size_t index) const noexcept { return limbs_[2 * index + 1]; }

 private:
  std::size_t level_;
  Limbs limbs_;
};

struct RaiseKeys {
  EncapsulationKey encapsulation;
  DecapsulationKey decapsulation;
};

/**
 * @param low two polynomials; its limb of q_0 alone is read
 * @param scale that the result is declared to have, at the level of the keys
 */
Ciphertext raiseModulus(Workspace& workspace, const RaiseKeys& keys, const Ciphertext& low, double scale);

}  // namespace he
