/**
 * From the residues of a decrypted polynomial to slot values: the reverse of `Encoder`. The values are secret, so nothing here
 * branches on them, and what is written on the way is wiped.
 */
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "../core/memory.h"
#include "../engine/context.h"

namespace he::secret {

class Decoder {
 public:
  explicit Decoder(const Context& context);

  /**
   * @param limbs of data primes 0 ... level, N words each, coefficient form; overwritten
   * @param slots N/2 values, the real parts
   * @returns the root mean square of the imaginary parts, which hold noise only unless the modulus has wrapped around: secret too
   */
  double decode(u64* limbs, std::size_t level, double scale, Pool& pool, std::span<double> slots) const;

 private:
  void coefficients(double* out, u64* limbs, std::size_t level, double scale, Pool& pool) const;
  void transform(double* re, double* im) const noexcept;

  const Context& context_;
  std::size_t points_;                        // N/2
  std::vector<u32> reversed_;                 // bit reversal of points
  std::vector<u32> sampleOfSlot_;
  std::vector<double> rootRe_, rootIm_;       // exp(2 pi i k / points), k < points / 2
  std::vector<double> twistRe_, twistIm_;     // exp(pi i k / N), k < points
  std::vector<std::vector<Constant>> inverses_;  // [i][j], j < i: 1 / q_j modulo q_i
};

}  // namespace he::secret
