/**
 * All that needs the secret key: keys for others, symmetric encryption, decryption. Only he_secret.node links it. Not
 * thread-safe: one caller at a time, its own threads inside.
 */
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "../core/memory.h"
#include "../core/threads.h"
#include "../engine/context.h"
#include "../engine/encoder.h"
#include "decoder.h"
#include "secret-key.h"

namespace he::secret {

struct Options {
  std::size_t memoryLimitBytes = 0;
  std::size_t threads = 1;
  Control control;
};

/** What was decrypted cannot be what the program computes. Says no more than that. */
struct Implausible : std::runtime_error {
  Implausible() : std::runtime_error("implausible values") {}
};

class SecretSide {
 public:
  /**
   * @param saved a secret key as `saveSecretKey` wrote it; none makes a new one
   * @throws FormatError, MemoryExceeded, random::NoRandomness (as all of the methods may)
   */
  SecretSide(std::shared_ptr<const Context> context, const Options& options, std::optional<format::Bytes> saved);

  const Context& context() const noexcept { return *context_; }

  std::size_t secretKeyBytes() const noexcept { return secret::secretKeyBytes(*context_); }
  /** @param out `secretKeyBytes()` bytes */
  void saveSecretKey(std::span<std::uint8_t> out) const { writeSecretKey(*context_, key_, out); }

  /** An encryption of zero over all limbs, seeded; another one at each call. */
  std::vector<std::uint8_t> makePublicKey();

  /** Keys of steps 1 ... N/2 - 1 (to the left), or 0 for conjugation, for use at `level` and below; seeded. */
  std::size_t rotationKeyBytes(std::size_t step, std::size_t level) const;
  void makeRotationKey(std::size_t step, std::size_t level, std::span<std::uint8_t> out);
  std::size_t relinearizationKeyBytes(std::size_t level) const;
  void makeRelinearizationKey(std::size_t level, std::span<std::uint8_t> out);

  /** Both keys of `raiseModulus`, of one ephemeral secret that nothing keeps. */
  struct RaiseKeyBytes {
    std::vector<std::uint8_t> encapsulation, decapsulation;
  };
  /**
   * @param level that ciphertexts are raised to
   * @param weight of the sparse secret; what is secure is known to whoever chose the parameters
   * @throws std::invalid_argument for a weight that is no weight
   */
  RaiseKeyBytes makeRaiseKeys(std::size_t level, std::size_t weight);

  /**
   * Seeded symmetric encryption.
   * @param slots N/2 finite values
   * @throws std::invalid_argument if a value times the scale does not fit the modulus of the level
   */
  std::vector<std::uint8_t> encrypt(std::span<const double> slots, std::size_t level, double scale);

  /**
   * @param scale that the values are known to have: the ciphertext's own is not trusted
   * @param noiseLimit largest root mean square of the imaginary parts: above it the modulus has wrapped around, or noise has outgrown
   *   what it was forecast to be, and the values are worth nothing
   * @returns N/2 values. @throws FormatError, also if the ciphertext is at another level; Implausible
   */
  std::vector<double> decrypt(format::Bytes bytes, std::size_t level, double scale,
                              double noiseLimit = std::numeric_limits<double>::max());

 private:
  /** Writes the residues of a small or plain polynomial for one limb, coefficient form. */
  using Addend = std::function<void(const Field& field, u64* out)>;

  /** b = addend - a s over `limbs`, NTT form, a expanded from the seed, s the secret given. */
  format::Polynomial ringSample(std::span<const std::size_t> limbs, const format::Seed& seed, const SecretKey& secret,
                                const Addend& addend);
  format::Polynomial ringSample(std::span<const std::size_t> limbs, const format::Seed& seed, const Addend& addend) {
    return ringSample(limbs, seed, key_, addend);
  }
  /** Hybrid switching key from `source` (NTT form, data limbs 0 ... level) to s. */
  void makeSwitchingKey(const u64* source, std::size_t index, std::size_t level, std::span<std::uint8_t> out);
  std::size_t galoisElement(std::size_t step) const;
  void requireLevel(std::size_t level) const;

  std::shared_ptr<const Context> context_;
  Pool pool_;
  Threads threads_;
  Encoder encoder_;
  Decoder decoder_;
  SecretKey key_;
  Block scratch_;  // one limb for each thread
};

}  // namespace he::secret
