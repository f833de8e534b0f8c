/** The secret key: made, read and written here, and nowhere in the engine. */
#pragma once
#include <cstdint>
#include <span>

#include "../format/seal.h"

namespace he::secret {

/** s, uniform ternary, in NTT form over all limbs of the context; wiped on release. */
struct SecretKey {
  format::Polynomial limbs;
  const u64* limb(std::size_t index, std::size_t degree) const noexcept { return limbs.words.data() + index * degree; }
};

/** With randomness of the operating system. @throws NoRandomness, MemoryExceeded */
SecretKey makeSecretKey(const Context& context, Pool& pool, Threads& threads);

/** With exactly `weight` coefficients of -1 and 1, the others 0: for the time of a bootstrapping key's making. */
SecretKey makeSparseKey(const Context& context, Pool& pool, Threads& threads, std::size_t weight);

/**
 * Of SEAL's serialization (a Plaintext of the key context). Besides all that `native/format` checks, the key must be ternary, and the
 * same over every prime.
 * @throws FormatError, MemoryExceeded
 */
SecretKey readSecretKey(const Context& context, Pool& pool, Threads& threads, format::Bytes bytes);

std::size_t secretKeyBytes(const Context& context) noexcept;
/** Into memory of exactly `secretKeyBytes`, so that no copies lie about. */
void writeSecretKey(const Context& context, const SecretKey& key, std::span<std::uint8_t> out);

}  // namespace he::secret
