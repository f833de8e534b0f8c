/**
 * Reads and writes SEAL's binary formats (SEALHeader of version 4, uncompressed; zlib and zstd are refused with a clear
 * message) of ciphertexts, public keys and key-switching keys, seeded forms included. Bytes come from strangers: every
 * length, count, identifier and residue is checked before it is used. Secret keys are read and written by native/secret.
 *
 * Keys generalise SEAL's KSwitchKeys: hybrid key switching has fewer digits per key, and a key truncated to a level carries the
 * identifier of the truncated chain (`Context::keyId`). With one digit per prime at the top level the bytes are SEAL's.
 */
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "../core/memory.h"
#include "../core/threads.h"
#include "../engine/context.h"
#include "bytes.h"
#include "seeded-stream.h"
#include "uniform.h"

namespace he::format {

/** limbs * N words, limb after limb, reduced, NTT form. */
struct Polynomial {
  Block words;
  std::size_t limbs = 0;
};

/** @param wipe overwrite before release: for secrets */
Polynomial makePolynomial(const Context& context, Pool& pool, std::size_t limbs, bool wipe = false);

struct CiphertextData {
  std::size_t level = 0;
  double scale = 1;
  std::vector<Polynomial> polynomials;  // 2 or 3
};

/** One digit: b and a, each over the data limbs 0 ... level and then all special limbs. */
struct KeyDigit {
  Polynomial b, a;
};

struct SwitchingKeyData {
  std::size_t level = 0;
  std::vector<KeyDigit> digits;  // digitsAt(level)
};

/** Indices of the context's limbs that values at `level` have: 0 ... level. */
std::vector<std::size_t> dataLimbs(const Context& context, std::size_t level);
/** The same and then all special limbs: what keys truncated to `level` have. */
std::vector<std::size_t> keyLimbs(const Context& context, std::size_t level);

/**
 * Seeds are expanded (`expandSeed`), on `threads` if there are any.
 * @throws FormatError, MemoryExceeded
 */
CiphertextData readCiphertext(const Context& context, Pool& pool, Bytes bytes, Threads* threads = nullptr);
std::vector<std::uint8_t> writeCiphertext(const Context& context, const CiphertextData& ciphertext);
/** Two polynomials, the second as the seed it is expanded from. */
std::vector<std::uint8_t> writeSeededCiphertext(const Context& context, std::size_t level, double scale,
                                                const Polynomial& b, const Seed& seed);

/**
 * KSwitchKeys holding exactly one key, at `index`: of a Galois element (element - 1) / 2 (then SEAL's list has N entries, the
 * others empty); of relinearization 0 (then it has one entry).
 * @throws FormatError, MemoryExceeded
 */
SwitchingKeyData readSwitchingKey(const Context& context, Pool& pool, Bytes bytes, std::size_t index,
                                  Threads* threads = nullptr);
/**
 * Writes such a key digit by digit, with a seed in place of each `a`, into memory of exactly `bytes()`. A digit need not be kept
 * once it has been added: a whole key can be hundreds of megabytes.
 */
class SwitchingKeyWriter {
 public:
  static std::size_t bytes(const Context& context, std::size_t index, std::size_t level) noexcept;
  SwitchingKeyWriter(const Context& context, std::size_t index, std::size_t level, std::span<std::uint8_t> out);
  /** @param b over `keyLimbs` of the level */
  void add(const Polynomial& b, const Seed& seed);
  /** After the last digit. */
  void end();

 private:
  const Context& context_;
  std::size_t index_, level_;
  Writer writer_;
};

/** A sample under an ephemeral sparse secret, over q_0 and the first special prime and nothing else: see `engine/raise.h`. */
struct EncapsulationKeyData {
  Polynomial b, a;
};

/** The way back to the dense secret: one digit over the data limbs 0 ... level and all special limbs. */
struct DecapsulationKeyData {
  std::size_t level = 0;
  Polynomial b, a;
};

/** The limbs of q_0 and of the first special prime. */
std::vector<std::size_t> encapsulationLimbs(const Context& context);

/** Each in the form of one digit of a key, with a seed in place of `a`. @throws FormatError, MemoryExceeded */
EncapsulationKeyData readEncapsulationKey(const Context& context, Pool& pool, Bytes bytes, Threads* threads = nullptr);
std::vector<std::uint8_t> writeEncapsulationKey(const Context& context, const Polynomial& b, const Seed& seed);
DecapsulationKeyData readDecapsulationKey(const Context& context, Pool& pool, Bytes bytes, Threads* threads = nullptr);
std::vector<std::uint8_t> writeDecapsulationKey(const Context& context, std::size_t level, const Polynomial& b, const Seed& seed);

/** A public key is an encryption of zero over all limbs. @throws FormatError, MemoryExceeded */
CiphertextData readPublicKey(const Context& context, Pool& pool, Bytes bytes, Threads* threads = nullptr);
std::vector<std::uint8_t> writeSeededPublicKey(const Context& context, const Polynomial& b, const Seed& seed);

}  // namespace he::format
