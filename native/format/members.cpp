#include "members.h"

#include <cmath>
#include <string>

namespace he::format {

Members readMembers(Reader& reader, const Context& context) {
  Members members;
  members.id = reader.parmsId();
  const std::uint8_t ntt = reader.u8();
  members.size = reader.word();
  const u64 degree = reader.word();
  members.limbs = reader.word();
  members.scale = reader.real();
  const u64 correction = reader.word();
  if (ntt != 1) reader.fail("it is not in NTT form");
  if (members.size < 2 || members.size > 3) {
    reader.fail("it has " + std::to_string(members.size) + " polynomials instead of 2 or 3");
  }
  if (degree != context.degree()) {
    reader.fail("its ring has degree " + std::to_string(degree) + " instead of " + std::to_string(context.degree()));
  }
  if (!std::isfinite(members.scale) || !(members.scale > 0)) reader.fail("its scale is not a positive number");
  if (correction != 1) reader.fail("it is not of the CKKS scheme");
  return members;
}

std::vector<Polynomial> readPolynomials(Reader& reader, const Context& context, Pool& pool, const Members& members,
                                        std::span<const std::size_t> limbs, Threads* threads) {
  const std::size_t degree = context.degree();
  if (members.limbs != limbs.size()) {
    reader.fail("it has " + std::to_string(members.limbs) + " primes instead of " + std::to_string(limbs.size()));
  }
  const std::size_t words = limbs.size() * degree;
  const bool seeded = members.size == 2 && reader.peekArrayCount() == words;
  const Bytes array = reader.array(seeded ? words : members.size * words);
  std::optional<Seed> seed;
  if (seeded) seed = reader.seed();
  reader.end();

  std::vector<Polynomial> polynomials;
  const std::size_t given = seeded ? 1 : static_cast<std::size_t>(members.size);
  for (std::size_t p = 0; p < given; p++) {
    Polynomial& polynomial = polynomials.emplace_back(makePolynomial(context, pool, limbs.size()));
    for (std::size_t i = 0; i < limbs.size(); i++) {
      const std::uint8_t* source = array.data() + (p * limbs.size() + i) * degree * kWordBytes;
      readResidues(reader, polynomial.words.data() + i * degree, source, degree, context.field(limbs[i]).modulus());
    }
  }
  if (seeded) {
    Polynomial& a = polynomials.emplace_back(makePolynomial(context, pool, limbs.size()));
    std::vector<u64*> destination;
    for (std::size_t i = 0; i < limbs.size(); i++) destination.push_back(a.words.data() + i * degree);
    expandSeed(context, *seed, limbs, destination, threads);
  }
  return polynomials;
}

std::size_t memberBytes(const Context& context, std::size_t limbs, std::size_t polynomials, bool seeded) noexcept {
  const std::size_t given = seeded ? polynomials - 1 : polynomials;
  return kHeaderBytes + kMembersBytes + arrayBytes(given * limbs * context.degree()) + (seeded ? kSeedBytes : 0);
}

void writeMembers(Writer& writer, const Context& context, const Members& members,
                  std::span<const Polynomial* const> polynomials, const Seed* seed) {
  const std::size_t words = static_cast<std::size_t>(members.limbs) * context.degree();
  writer.header(memberBytes(context, static_cast<std::size_t>(members.limbs), static_cast<std::size_t>(members.size),
                            seed != nullptr));
  writer.parmsId(members.id);
  writer.u8(1);
  writer.word(members.size);
  writer.word(context.degree());
  writer.word(members.limbs);
  writer.real(members.scale);
  writer.word(1);
  writer.arrayHeader(polynomials.size() * words);
  for (const Polynomial* polynomial : polynomials) writer.words(polynomial->words.data(), words);
  if (seed != nullptr) writer.seed(*seed);
}

}  // namespace he::format
