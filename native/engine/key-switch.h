/**
 * Hybrid key switching (Han and Ki, eprint 2019/688) in parts, so that they can be hoisted and merged: decomposition of a
 * polynomial into digits, inner product with a key in the extended basis, division by the special primes. Prime by prime:
 * the digits of one limb are made, used and forgotten, so that they stay in the second-level cache.
 */
#pragma once
#include <array>

#include "ciphertext.h"

namespace he {

/** An evaluation key as packed multiplicands, its limbs moved by the inverse automorphism so that results are moved once instead. */
class SwitchingKey {
 public:
  SwitchingKey(const Context& context, std::size_t level, PackedLimbs limbs)
      : level_(level), topLevel_(context.topLevel()), limbs_(std::move(limbs)) {}

  std::size_t level() const noexcept { return level_; }
  Packed b(std::size_t digit, std::size_t limb) const noexcept { return limbs_.at(index(limb), 2 * digit); }
  Packed a(std::size_t digit, std::size_t limb) const noexcept { return limbs_.at(index(limb), 2 * digit + 1); }

 private:
  /** Limb by limb, so that an inner product reads on from where it is. */
  std::size_t index(std::size_t limb) const noexcept { return limb <= topLevel_ ? limb : limb - topLevel_ + level_; }
  friend class KeySwitcher;
  std::size_t level_, topLevel_;
  PackedLimbs limbs_;
  /** See `KeySwitcher::flipProduct`: of the level last asked for, both polynomials by limb index. */
  struct Flips {
    std::size_t level = 0;
    Limbs limbs;
  };
  mutable Flips flips_;
};

/** Makes a key ready. @param element of the automorphism; 1 for relinearization */
SwitchingKey prepareKey(Workspace& workspace, format::SwitchingKeyData data, u64 element);

/**
 * A polynomial in coefficient form, ready to be converted to any limb digit by digit. Owns its limbs. Digits of several primes are read
 * once for every limb that they are converted to, from the third-level cache: packed, that takes a third less.
 */
struct Decomposition {
  std::size_t level = 0;
  Limbs y;                    // digits of one prime: by data limb, x (Q_d/q_j)^-1
  PackedLimbs packed;         // of several: the same
  Block multiples;            // by digit, a byte for each coefficient: multiples of Q_d; digits of one prime are taken in [0, q_d)
  const u64* own = nullptr;   // NTT-form limbs of the polynomial itself, if they are at hand
  u64 element = 1;            // of the one automorphism that the digits are meant for; 1: any

  std::uint8_t* multiplesOf(std::size_t digit, std::size_t degree) const noexcept {
    return reinterpret_cast<std::uint8_t*>(multiples.data()) + digit * degree;
  }
};

class KeySwitcher {
 public:
  explicit KeySwitcher(Workspace& workspace) : workspace_(workspace) {}

  /**
   * Decomposes a polynomial of level + 1 NTT-form limbs, which must outlive the result.
   * @param element of a single rotation, which in SEAL's shape decomposes as SEAL does after its automorphism; else 1
   */
  Decomposition decompose(std::size_t level, const u64* polynomial, u64 element = 1);
  /**
   * The same for a polynomial in the extended basis that is to be divided by P first. Its limbs (by index: data limbs first) have
   * been through `prepareLimb`, best at once when they were made; what is in them is lost.
   */
  Decomposition divideAndDecompose(std::size_t level, const Limbs& prepared);
  /** In place: to coefficient form, scaled. */
  void prepareLimb(std::size_t level, std::size_t index, u64* limb) const;

  /** NTT-form digits of one limb, lazy: digits[d] for d < digitsAt(level); in the thread's scratch. */
  void digitsOf(const Decomposition& decomposition, std::size_t limb, std::size_t thread, const u64** digits) const;
  /** dst0, dst1 (+)= inner product of the digits with the key's limb. */
  void innerProduct(std::size_t level, const u64* const* digits, const SwitchingKey& key, std::size_t limb, u64* dst0,
                    u64* dst1, bool add) const;

  /** What to do with a decomposed polynomial: switch to the key, then move by the automorphism of `element` (1: none). */
  struct Switch {
    const SwitchingKey* key;
    u64 element;
  };
  /**
   * Switches one decomposed polynomial by every one of `switches` and adds (addend0, addend1), each null or level + 1 limbs, before
   * the automorphism.
   * @param rescale divides by q_level in the same step; results are at level - 1 then
   */
  std::vector<Ciphertext> apply(const Decomposition& decomposition, std::span<const Switch> switches, const u64* addend0,
                                const u64* addend1, double scale, bool rescale);

  /**
   * Second half of a division: dst = (a - remainder) / F + addend for one kept limb, moved by the automorphism; addend and
   * automorphism may be null. `dropped` are the dropped limbs in coefficient form times `down.prepare`, and then their count of F.
   * Without an automorphism dst may be a or addend.
   */
  void divideLimb(const ModulusDown& down, std::size_t limb, const u64* const* dropped, u64* dst, const u64* a,
                  const u64* addend, const Automorphism* automorphism, u64* spare) const;
  /** Counts of F for all coefficients, in parallel. */
  void countMultiples(const Conversion& conversion, const u64* const* y, u64* e);

 private:
  const Context& context() const noexcept { return workspace_.context(); }
  /** Digits of several primes: from words to the packed form, for a range of coefficients. */
  void packDigits(Decomposition& decomposition, const Limbs& words, std::size_t first, std::size_t n, std::size_t thread) const;
  Decomposition makeDecomposition(std::size_t level);
  const Limbs& flipProduct(const SwitchingKey& key, std::size_t level, u64 element);
  /** @param shared digits by limb index, or nothing: they are made on the way */
  Ciphertext applyOne(const Decomposition& decomposition, const Limbs& shared, const Switch& use,
                      std::array<const u64*, 2> addends, double scale, bool rescale);
  Workspace& workspace_;
};

/** Counts for one range; exact if there is one prime only. */
void countMultiplesRange(const Context& context, const Conversion& conversion, const u64* const* y, u64* e, std::size_t n);

}  // namespace he
