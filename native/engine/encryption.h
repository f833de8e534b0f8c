/**
 * Encryption with a public key. What it draws is secret until it is forgotten, but there is no long-lived secret: whoever holds
 * this object can encrypt and nothing else.
 */
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../core/memory.h"
#include "../core/threads.h"
#include "../format/seal.h"
#include "context.h"
#include "encoder.h"

namespace he {

/** Not thread-safe: one caller at a time, its own threads inside. */
class PublicEncryptor {
 public:
  /** @throws format::FormatError, MemoryExceeded */
  PublicEncryptor(std::shared_ptr<const Context> context, std::size_t memoryLimitBytes, std::size_t threads, Control control,
                  format::Bytes publicKey);

  const Context& context() const noexcept { return *context_; }

  /**
   * (b u + e_0, a u + e_1) over the level's primes and the special ones, u ternary, divided by the special primes with rounding, plus
   * the message: as SEAL encrypts at its top level. The noise left is little more than that of the rounding.
   * @param slots N/2 finite values
   * @throws std::invalid_argument if a value times the scale does not fit the modulus of the level
   */
  std::vector<std::uint8_t> encrypt(std::span<const double> slots, std::size_t level, double scale);

 private:
  /** One polynomial of an encryption of zero, over data limbs 0 ... level; `u` in NTT form over the extended basis. */
  format::Polynomial half(const format::Polynomial& key, const Block& u, std::size_t level);

  std::shared_ptr<const Context> context_;
  Pool pool_;
  Threads threads_;
  Encoder encoder_;
  format::CiphertextData key_;
  Block scratch_;  // one limb for each thread
};

}  // namespace he
