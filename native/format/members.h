/** What SEAL writes of every Ciphertext, be it one, a public key or a digit of a key: its facts, then its polynomials. */
#pragma once
#include <optional>

#include "seal.h"

namespace he::format {

/** The facts of a SEAL Ciphertext. */
struct Members {
  ParmsId id{};
  u64 size = 0;
  u64 limbs = 0;
  double scale = 1;
};

/** 32 bytes of identifier, a flag, and five words. */
inline constexpr std::size_t kMembersBytes = 32 + 1 + 5 * kWordBytes;

/** Checks what does not depend on the identifier. @throws FormatError */
Members readMembers(Reader& reader, const Context& context);
/** Checks counts against `limbs`, then allocates, and reads or expands the polynomials. Consumes the reader to its end. */
std::vector<Polynomial> readPolynomials(Reader& reader, const Context& context, Pool& pool, const Members& members,
                                        std::span<const std::size_t> limbs, Threads* threads);

/** Bytes of a Ciphertext with its header. */
std::size_t memberBytes(const Context& context, std::size_t limbs, std::size_t polynomials, bool seeded) noexcept;
/** Header, facts and polynomials; with a seed it stands for the last polynomial. */
void writeMembers(Writer& writer, const Context& context, const Members& members,
                  std::span<const Polynomial* const> polynomials, const Seed* seed);

}  // namespace he::format
