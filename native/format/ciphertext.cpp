#include <numeric>
#include <string>

#include "members.h"
#include "seal.h"

namespace he::format {
namespace {

std::vector<std::uint8_t> write(const Context& context, const Members& members,
                                std::span<const Polynomial* const> polynomials, const Seed* seed) {
  std::vector<std::uint8_t> bytes(memberBytes(context, static_cast<std::size_t>(members.limbs),
                                              static_cast<std::size_t>(members.size), seed != nullptr));
  Writer writer(bytes);
  writeMembers(writer, context, members, polynomials, seed);
  writer.end();
  return bytes;
}

}  // namespace

Polynomial makePolynomial(const Context& context, Pool& pool, std::size_t limbs, bool wipe) {
  return {Block(pool, limbs * context.degree(), wipe), limbs};
}

std::vector<std::size_t> dataLimbs(const Context&, std::size_t level) {
  std::vector<std::size_t> limbs(level + 1);
  std::iota(limbs.begin(), limbs.end(), std::size_t{0});
  return limbs;
}

std::vector<std::size_t> keyLimbs(const Context& context, std::size_t level) {
  std::vector<std::size_t> limbs = dataLimbs(context, level);
  for (std::size_t k = 0; k < context.specialCount(); k++) limbs.push_back(context.topLevel() + 1 + k);
  return limbs;
}

CiphertextData readCiphertext(const Context& context, Pool& pool, Bytes bytes, Threads* threads) {
  Reader reader = Reader::whole(bytes, "ciphertext");
  const Members members = readMembers(reader, context);
  if (members.limbs == 0 || members.limbs > context.topLevel() + 1) {
    reader.fail("it has " + std::to_string(members.limbs) + " primes, and the parameters " +
                std::to_string(context.topLevel() + 1));
  }
  const std::size_t level = static_cast<std::size_t>(members.limbs) - 1;
  if (members.id != context.levelId(level)) reader.fail("it was made for other parameters");
  return {level, members.scale, readPolynomials(reader, context, pool, members, dataLimbs(context, level), threads)};
}

std::vector<std::uint8_t> writeCiphertext(const Context& context, const CiphertextData& ciphertext) {
  std::vector<const Polynomial*> polynomials;
  for (const Polynomial& polynomial : ciphertext.polynomials) polynomials.push_back(&polynomial);
  const Members members{context.levelId(ciphertext.level), polynomials.size(), ciphertext.level + 1, ciphertext.scale};
  return write(context, members, polynomials, nullptr);
}

std::vector<std::uint8_t> writeSeededCiphertext(const Context& context, std::size_t level, double scale,
                                                const Polynomial& b, const Seed& seed) {
  const Polynomial* polynomials[] = {&b};
  return write(context, {context.levelId(level), 2, level + 1, scale}, polynomials, &seed);
}

CiphertextData readPublicKey(const Context& context, Pool& pool, Bytes bytes, Threads* threads) {
  Reader reader = Reader::whole(bytes, "public key");
  const Members members = readMembers(reader, context);
  const std::size_t level = context.topLevel();
  if (members.id != context.keyId(level)) reader.fail("it was made for other parameters");
  if (members.size != 2) reader.fail("it has " + std::to_string(members.size) + " polynomials instead of 2");
  return {level, members.scale, readPolynomials(reader, context, pool, members, keyLimbs(context, level), threads)};
}

std::vector<std::uint8_t> writeSeededPublicKey(const Context& context, const Polynomial& b, const Seed& seed) {
  const std::size_t level = context.topLevel();
  const Polynomial* polynomials[] = {&b};
  return write(context, {context.keyId(level), 2, keyLimbs(context, level).size(), 1.0}, polynomials, &seed);
}

}  // namespace he::format
