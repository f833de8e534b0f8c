#include <string>

#include "members.h"
#include "seal.h"

namespace he::format {
namespace {

std::vector<Polynomial> readPair(Reader& reader, const Context& context, Pool& pool, const Members& members,
                                 std::span<const std::size_t> limbs, Threads* threads) {
  if (members.size != 2) reader.fail("it has " + std::to_string(members.size) + " polynomials instead of 2");
  return readPolynomials(reader, context, pool, members, limbs, threads);
}

std::vector<std::uint8_t> writePair(const Context& context, const ParmsId& id, const Polynomial& b, const Seed& seed) {
  std::vector<std::uint8_t> bytes(memberBytes(context, b.limbs, 2, true));
  Writer writer(bytes);
  const Polynomial* polynomials[] = {&b};
  writeMembers(writer, context, {id, 2, b.limbs, 1.0}, polynomials, &seed);
  writer.end();
  return bytes;
}

}  // namespace

std::vector<std::size_t> encapsulationLimbs(const Context& context) { return {0, context.topLevel() + 1}; }

EncapsulationKeyData readEncapsulationKey(const Context& context, Pool& pool, Bytes bytes, Threads* threads) {
  Reader reader = Reader::whole(bytes, "encapsulation key");
  const Members members = readMembers(reader, context);
  if (members.id != context.encapsulationId()) reader.fail("it was made for other parameters");
  auto pair = readPair(reader, context, pool, members, encapsulationLimbs(context), threads);
  return {std::move(pair[0]), std::move(pair[1])};
}

std::vector<std::uint8_t> writeEncapsulationKey(const Context& context, const Polynomial& b, const Seed& seed) {
  return writePair(context, context.encapsulationId(), b, seed);
}

DecapsulationKeyData readDecapsulationKey(const Context& context, Pool& pool, Bytes bytes, Threads* threads) {
  Reader reader = Reader::whole(bytes, "decapsulation key");
  const Members members = readMembers(reader, context);
  for (std::size_t level = 0; level <= context.topLevel(); level++) {
    if (members.id != context.keyId(level)) continue;
    auto pair = readPair(reader, context, pool, members, keyLimbs(context, level), threads);
    return {level, std::move(pair[0]), std::move(pair[1])};
  }
  reader.fail("it was made for other parameters");
}

std::vector<std::uint8_t> writeDecapsulationKey(const Context& context, std::size_t level, const Polynomial& b, const Seed& seed) {
  return writePair(context, context.keyId(level), b, seed);
}

}  // namespace he::format
