#include "secret-key.h"

#include "../random/samplers.h"

namespace he::secret {
namespace {

constexpr const char* kWhat = "secret key";

std::size_t limbCount(const Context& context) noexcept { return context.topLevel() + 1 + context.specialCount(); }

SecretKey fromCoefficients(const Context& context, Pool& pool, Threads& threads, std::span<const std::int8_t> coefficients) {
  const std::size_t degree = context.degree();
  SecretKey key{format::makePolynomial(context, pool, limbCount(context), true)};
  threads.each(key.limbs.limbs, [&](std::size_t i, std::size_t) {
    u64* limb = key.limbs.words.data() + i * degree;
    const Field& field = context.field(i);
    random::toResidues(limb, coefficients, field.modulus());
    field.forward(limb, limb);
  });
  return key;
}

/** The coefficients behind the first limb; @throws FormatError unless all are -1, 0 or 1 */
random::SmallPolynomial ternaryCoefficients(const Context& context, Pool& pool, const SecretKey& key) {
  const std::size_t degree = context.degree();
  const Field& field = context.field(0);
  const u64 q = field.modulus();
  Block coefficients(pool, degree, true);
  field.inverse(coefficients.data(), key.limbs.words.data(), field.constant(1));
  random::SmallPolynomial small(degree);
  u64 wrong = 0;
  for (std::size_t i = 0; i < degree; i++) {
    // 0, 1, 2 for -1, 0, 1; anything else is larger.
    const u64 shifted = coefficients.data()[i] + 1;
    const u64 wrapped = shifted - (q & (u64{0} - ((q - 1 - shifted) >> 63)));
    wrong |= (2 - wrapped) >> 63;
    small.values()[i] = static_cast<std::int8_t>(static_cast<std::int64_t>(wrapped & 3) - 1);
  }
  if (wrong != 0) throw format::FormatError("secret key: its coefficients are not -1, 0 and 1");
  return small;
}

}  // namespace

SecretKey makeSecretKey(const Context& context, Pool& pool, Threads& threads) {
  random::SmallPolynomial coefficients(context.degree());
  random::sampleTernary(coefficients.values());
  return fromCoefficients(context, pool, threads, coefficients.values());
}

SecretKey makeSparseKey(const Context& context, Pool& pool, Threads& threads, std::size_t weight) {
  random::SmallPolynomial coefficients(context.degree());
  random::sampleSparse(coefficients.values(), weight);
  return fromCoefficients(context, pool, threads, coefficients.values());
}

SecretKey readSecretKey(const Context& context, Pool& pool, Threads& threads, format::Bytes bytes) {
  const std::size_t degree = context.degree();
  const std::size_t limbs = limbCount(context);
  format::Reader reader = format::Reader::whole(bytes, kWhat);
  if (reader.parmsId() != context.keyId(context.topLevel())) reader.fail("it was made for other parameters");
  if (reader.word() != limbs * degree) reader.fail("it has a wrong number of coefficients");
  if (reader.real() != 1.0) reader.fail("its scale is not 1");
  const format::Bytes words = reader.array(limbs * degree);
  reader.end();

  SecretKey key{format::makePolynomial(context, pool, limbs, true)};
  for (std::size_t i = 0; i < limbs; i++) {
    format::readResidues(reader, key.limbs.words.data() + i * degree, words.data() + i * degree * format::kWordBytes, degree,
                         context.field(i).modulus());
  }
  const random::SmallPolynomial coefficients = ternaryCoefficients(context, pool, key);
  const SecretKey again = fromCoefficients(context, pool, threads, coefficients.values());
  u64 different = 0;
  for (std::size_t i = 0; i < limbs * degree; i++) {
    different |= key.limbs.words.data()[i] ^ again.limbs.words.data()[i];
  }
  if (different != 0) reader.fail("it is not the same over every prime");
  return key;
}

std::size_t secretKeyBytes(const Context& context) noexcept {
  return format::kHeaderBytes + sizeof(ParmsId) + 2 * format::kWordBytes +
         format::arrayBytes(limbCount(context) * context.degree());
}

void writeSecretKey(const Context& context, const SecretKey& key, std::span<std::uint8_t> out) {
  const std::size_t words = limbCount(context) * context.degree();
  format::Writer writer(out);
  writer.header(out.size());
  writer.parmsId(context.keyId(context.topLevel()));
  writer.word(words);
  writer.real(1.0);
  writer.arrayHeader(words);
  writer.words(key.limbs.words.data(), words);
  writer.end();
}

}  // namespace he::secret
