#include "encryption.h"

#include "../random/samplers.h"
#include "encoded-slots.h"
#include "key-switch.h"

namespace he {

using format::Polynomial;

PublicEncryptor::PublicEncryptor(std::shared_ptr<const Context> context, std::size_t memoryLimitBytes, std::size_t threads,
                                 Control control, format::Bytes publicKey)
    : context_(std::move(context)),
      pool_(memoryLimitBytes),
      threads_(threads, control),
      encoder_(context_->degree()),
      key_(format::readPublicKey(*context_, pool_, publicKey, &threads_)),
      scratch_(pool_, threads_.count() * context_->degree(), true) {}

Polynomial PublicEncryptor::half(const Polynomial& key, const Block& u, std::size_t level) {
  const std::size_t degree = context_->degree();
  const std::size_t data = level + 1, special = context_->specialCount();
  const ModulusDown& down = context_->specialDown();
  random::SmallPolynomial error(degree);
  random::sampleError(error.values());
  // The extended basis, and then the multiples of P that the conversion has to take away.
  Block memory(pool_, (data + special + 1) * degree, true);
  const auto limb = [&](std::size_t index) { return memory.data() + index * degree; };
  threads_.each(data + special, [&](std::size_t i, std::size_t thread) {
    const std::size_t number = context_->extendedLimb(level, i);
    const Field& field = context_->field(number);
    // The public key has all data limbs, so its limbs lie at their numbers.
    u64* out = limb(i);
    random::toResidues(out, error.values(), field.modulus());
    field.forward(out, out);
    u64* product = scratch_.data() + thread * degree;
    field.multiply(product, key.words.data() + number * degree, u.data() + i * degree, degree);
    field.add(out, out, product, degree);
    if (i >= data) field.inverse(out, out, down.prepare[i - data]);
  });
  std::vector<const u64*> dropped;
  for (std::size_t k = 0; k <= special; k++) dropped.push_back(limb(data + k));
  countMultiplesRange(*context_, down, dropped.data(), limb(data + special), degree);

  Polynomial result = format::makePolynomial(*context_, pool_, data);
  threads_.each(data, [&](std::size_t i, std::size_t thread) {
    const Field& field = context_->field(i);
    u64* remainder = scratch_.data() + thread * degree;
    field.convert(remainder, dropped.data(), down.to[i].data(), special + 1, degree);
    field.forward(remainder, remainder);
    field.subtractScale(result.words.data() + i * degree, limb(i), remainder, down.inverse[i], degree);
  });
  return result;
}

std::vector<std::uint8_t> PublicEncryptor::encrypt(std::span<const double> slots, std::size_t level, double scale) {
  const EncodedSlots message(*context_, encoder_, pool_, slots, level, scale);
  const std::size_t degree = context_->degree();
  random::SmallPolynomial ternary(degree);
  random::sampleTernary(ternary.values());
  const std::size_t limbs = context_->extendedCount(level);
  Block u(pool_, limbs * degree, true);
  threads_.each(limbs, [&](std::size_t i, std::size_t) {
    const Field& field = context_->field(context_->extendedLimb(level, i));
    u64* out = u.data() + i * degree;
    random::toResidues(out, ternary.values(), field.modulus());
    field.forward(out, out);
  });
  format::CiphertextData ciphertext{level, scale, {}};
  for (const Polynomial& key : key_.polynomials) ciphertext.polynomials.push_back(half(key, u, level));
  threads_.each(level + 1, [&](std::size_t i, std::size_t thread) {
    const Field& field = context_->field(i);
    u64* plain = scratch_.data() + thread * degree;
    message.residues(field, plain);
    field.forward(plain, plain);
    u64* c0 = ciphertext.polynomials[0].words.data() + i * degree;
    field.add(c0, c0, plain, degree);
  });
  return format::writeCiphertext(*context_, ciphertext);
}

}  // namespace he
