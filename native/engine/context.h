/**
 * RNS-CKKS parameters made ready: the fields of all primes and every constant of rescaling and of hybrid key switching
 * (Han and Ki, eprint 2019/688). Immutable; shared by threads and by engine and secret side alike.
 *
 * Limbs are numbered: data primes 0 ... L, then special primes L+1 ... L+K. A value at level l has limbs 0 ... l; in the extended
 * basis also the K special limbs. Digits: alpha = ceil((L+1) / dnum) consecutive data primes each, from q_0 up; at level l the
 * first ceil((l+1) / alpha) of them are in use, the last perhaps in part. One digit per prime and one special prime is SEAL's
 * key switching, and then every result is bit for bit SEAL's.
 */
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../core/kernels.h"

namespace he {

struct Parameters {
  std::size_t degree = 0;           // N
  std::vector<u64> dataPrimes;      // q_0 ... q_L
  std::vector<u64> specialPrimes;   // p_0 ... p_{K-1}
  std::size_t digits = 0;           // dnum at the top level
};

/** SEAL's identifier of a set of parameters: Blake2b-256 over scheme, degree, moduli and plain modulus. */
using ParmsId = std::array<u64, 4>;

/**
 * Fast base conversion from the primes f_i of product F, made exact by counting the multiples of F (Halevi, Polyakov and
 * Shoup, eprint 2018/117): with y_i = x (F/f_i)^-1 mod f_i and e = round(sum y_i / f_i),
 * x centred in (-F/2, F/2) = sum y_i (F/f_i) - e F.
 */
struct Conversion {
  std::vector<u32> from;                       // limb numbers
  std::vector<Constant> prepare;               // in f_i's field: (F/f_i)^-1
  std::vector<double> reciprocals;             // 1 / f_i
  std::vector<std::vector<Constant>> to;       // by limb number, targets only: F/f_i for each i, then -F
  u64 bound = 0;                               // above every y_i and e
};

/** Consecutive data primes whose product is one digit of key switching; `to` has every limb, those of the digit too. */
struct Digit : Conversion {
  u32 first = 0, count = 0;
  bool contains(std::size_t limb) const noexcept { return limb - first < count; }
  std::vector<Constant> own;                   // of the digit's limbs: F/f_i mod f_i, so y_i * own is x mod f_i
};

/** Division by the product F of some primes with rounding to the nearest integer. */
struct ModulusDown : Conversion {
  std::vector<Constant> inverse;               // by limb number, kept limbs only: 1/F
};

/**
 * Modulus-down by P straight into a digit decomposition, in coefficient form: y_j of data limb j is
 * `scale` * a_j + sum_k to[k] s_k + to[K] e, s_k the special limbs prepared as in `specialDown`, e their count of P.
 */
struct Reentry {
  std::vector<Constant> scale;                 // by data limb: P^-1 (Q_d/q_j)^-1
  std::vector<std::vector<Constant>> to;       // by data limb: -(P/p_k) scale for each k, then P scale
};

class Context {
 public:
  /** @throws std::invalid_argument naming what is wrong (sizes, residues, primality, repeated primes, dnum) */
  static std::shared_ptr<const Context> create(const Parameters& parameters, Path path = Path::automatic);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Parameters& parameters() const noexcept;
  std::size_t degree() const noexcept;
  std::size_t topLevel() const noexcept;      // L
  std::size_t specialCount() const noexcept;  // K
  std::size_t alpha() const noexcept;         // data primes per digit
  std::size_t digitsAt(std::size_t level) const noexcept;
  const Field& field(std::size_t limb) const noexcept;
  /** SEAL's key switching: one digit per prime, one special prime. */
  bool sealShaped() const noexcept;

  /** Of ciphertexts and plaintexts at this level: SEAL hashes the data primes 0 ... level only. */
  const ParmsId& levelId(std::size_t level) const noexcept;
  /** Of keys truncated to this level: data primes 0 ... level and all special primes. At the top level SEAL's key context. */
  const ParmsId& keyId(std::size_t level) const noexcept;

  /** Number of limbs in the extended basis at a level, and the limb number of each: data limbs first. */
  std::size_t extendedCount(std::size_t level) const noexcept { return level + 1 + specialCount(); }
  /** Bytes of a packed residue, by index in the extended basis of a level. */
  std::vector<unsigned> packedWidths(std::size_t level) const;
  /** Bytes that residues of any data prime take, packed all alike. */
  unsigned digitWidth() const noexcept;
  std::size_t extendedLimb(std::size_t level, std::size_t index) const noexcept {
    return index <= level ? index : topLevel() + index - level;
  }

  const Digit& digit(std::size_t level, std::size_t index) const noexcept;
  std::size_t digitOf(std::size_t limb) const noexcept { return limb / alpha(); }
  /** By P, from the special limbs to all data limbs. */
  const ModulusDown& specialDown() const noexcept;
  /** By q_level, to the limbs below. */
  const ModulusDown& rescaleDown(std::size_t level) const noexcept;
  /** By P * q_level at once: special limbs first in `from`, then q_level. */
  const ModulusDown& mergedDown(std::size_t level) const noexcept;
  const Reentry& reentry(std::size_t level) const noexcept;
  /** P mod q_limb, by data limb. */
  const Constant& specialProduct(std::size_t limb) const noexcept;
  /** Of keys modulo q_0 p', p' the first special prime: see `engine/raise.h`. */
  const ParmsId& encapsulationId() const noexcept;
  /** 1 / p' modulo q_0. */
  const Constant& encapsulationInverse() const noexcept;
  /** log2 of q_0 * ... * q_level. */
  double modulusBits(std::size_t level) const noexcept;

 private:
  struct Tables;
  explicit Context(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

}  // namespace he
