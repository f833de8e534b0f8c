#include <string>

#include "members.h"
#include "seal.h"

namespace he::format {
namespace {

/** Length of SEAL's list of keys: of Galois keys one entry per Galois element, of relinearization keys one. */
std::size_t listLength(const Context& context, std::size_t index) noexcept { return index == 0 ? 1 : context.degree(); }

std::size_t levelOfKey(const Reader& reader, const Context& context, const ParmsId& id) {
  for (std::size_t level = 0; level <= context.topLevel(); level++) {
    if (context.keyId(level) == id) return level;
  }
  reader.fail("it was made for other parameters");
}

KeyDigit readDigit(Reader& list, const Context& context, Pool& pool, const ParmsId& id,
                   std::span<const std::size_t> limbs, Threads* threads) {
  Reader reader = list.enclosed();
  const Members members = readMembers(reader, context);
  if (members.id != id) reader.fail("a digit was made for other parameters");
  if (members.size != 2) reader.fail("a digit has " + std::to_string(members.size) + " polynomials instead of 2");
  std::vector<Polynomial> polynomials = readPolynomials(reader, context, pool, members, limbs, threads);
  return {std::move(polynomials[0]), std::move(polynomials[1])};
}

}  // namespace

SwitchingKeyData readSwitchingKey(const Context& context, Pool& pool, Bytes bytes, std::size_t index, Threads* threads) {
  Reader reader = Reader::whole(bytes, index == 0 ? "relinearization key" : "rotation key");
  const ParmsId id = reader.parmsId();
  SwitchingKeyData key;
  key.level = levelOfKey(reader, context, id);
  const u64 length = reader.word();
  if (length != listLength(context, index)) {
    reader.fail("it lists " + std::to_string(length) + " keys instead of " + std::to_string(listLength(context, index)));
  }
  const std::vector<std::size_t> limbs = keyLimbs(context, key.level);
  for (std::size_t i = 0; i < length; i++) {
    const u64 digits = reader.word();
    if (digits == 0) continue;
    if (i != index) reader.fail("it holds a key for another rotation");
    if (digits != context.digitsAt(key.level)) {
      reader.fail("it has " + std::to_string(digits) + " digits instead of " + std::to_string(context.digitsAt(key.level)));
    }
    for (u64 digit = 0; digit < digits; digit++) {
      key.digits.push_back(readDigit(reader, context, pool, id, limbs, threads));
    }
  }
  if (key.digits.empty()) reader.fail("it holds no key for this rotation");
  reader.end();
  return key;
}

std::size_t SwitchingKeyWriter::bytes(const Context& context, std::size_t index, std::size_t level) noexcept {
  const std::size_t limbs = level + 1 + context.specialCount();
  return kHeaderBytes + sizeof(ParmsId) + (1 + listLength(context, index)) * kWordBytes +
         context.digitsAt(level) * memberBytes(context, limbs, 2, true);
}

SwitchingKeyWriter::SwitchingKeyWriter(const Context& context, std::size_t index, std::size_t level,
                                       std::span<std::uint8_t> out)
    : context_(context), index_(index), level_(level), writer_(out) {
  writer_.header(out.size());
  writer_.parmsId(context.keyId(level));
  writer_.word(listLength(context, index));
  for (std::size_t i = 0; i < index; i++) writer_.word(0);
  writer_.word(context.digitsAt(level));
}

void SwitchingKeyWriter::add(const Polynomial& b, const Seed& seed) {
  const Polynomial* polynomials[] = {&b};
  writeMembers(writer_, context_, {context_.keyId(level_), 2, b.limbs, 1.0}, polynomials, &seed);
}

void SwitchingKeyWriter::end() {
  for (std::size_t i = index_ + 1; i < listLength(context_, index_); i++) writer_.word(0);
  writer_.end();
}

}  // namespace he::format
