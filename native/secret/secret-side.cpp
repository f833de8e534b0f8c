#include "secret-side.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../engine/encoded-slots.h"
#include "../format/wipe.h"
#include "../random/samplers.h"
#include "../random/system-random.h"

namespace he::secret {

using format::Polynomial;
using format::Seed;

SecretSide::SecretSide(std::shared_ptr<const Context> context, const Options& options, std::optional<format::Bytes> saved)
    : context_(std::move(context)),
      pool_(options.memoryLimitBytes),
      threads_(options.threads, options.control),
      encoder_(context_->degree()),
      decoder_(*context_),
      key_(saved ? readSecretKey(*context_, pool_, threads_, *saved) : makeSecretKey(*context_, pool_, threads_)),
      scratch_(pool_, threads_.count() * context_->degree(), true) {}

Polynomial SecretSide::ringSample(std::span<const std::size_t> limbs, const Seed& seed, const SecretKey& secret,
                                  const Addend& addend) {
  const std::size_t degree = context_->degree();
  Polynomial b = format::makePolynomial(*context_, pool_, limbs.size());
  std::vector<u64*> destination;
  for (std::size_t i = 0; i < limbs.size(); i++) destination.push_back(b.words.data() + i * degree);
  format::expandSeed(*context_, seed, limbs, destination, &threads_);
  threads_.each(limbs.size(), [&](std::size_t i, std::size_t thread) {
    const Field& field = context_->field(limbs[i]);
    u64* scratch = scratch_.data() + thread * degree;
    addend(field, scratch);
    field.forward(scratch, scratch);
    field.multiply(destination[i], destination[i], secret.limb(limbs[i], degree), degree);
    field.subtract(destination[i], scratch, destination[i], degree);
  });
  return b;
}

std::vector<std::uint8_t> SecretSide::makePublicKey() {
  random::SmallPolynomial error(context_->degree());
  random::sampleError(error.values());
  const Seed seed = random::freshSeed();
  const Polynomial b = ringSample(format::keyLimbs(*context_, context_->topLevel()), seed, [&](const Field& field, u64* out) {
    random::toResidues(out, error.values(), field.modulus());
  });
  return format::writeSeededPublicKey(*context_, b, seed);
}

void SecretSide::makeSwitchingKey(const u64* source, std::size_t index, std::size_t level, std::span<std::uint8_t> out) {
  const std::size_t degree = context_->degree();
  const std::vector<std::size_t> limbs = format::keyLimbs(*context_, level);
  random::SmallPolynomial error(degree);
  format::SwitchingKeyWriter writer(*context_, index, level, out);
  for (std::size_t digit = 0; digit < context_->digitsAt(level); digit++) {
    random::sampleError(error.values());
    const Seed seed = random::freshSeed();
    Polynomial b = ringSample(limbs, seed, [&](const Field& field, u64* values) {
      random::toResidues(values, error.values(), field.modulus());
    });
    // The digit's gadget factor is P modulo its own primes and 0 modulo all others (Han and Ki, eprint 2019/688, section 3).
    const std::size_t first = digit * context_->alpha();
    const std::size_t end = std::min(first + context_->alpha(), level + 1);
    for (std::size_t limb = first; limb < end; limb++) {
      context_->field(limb).scaleAdd(b.words.data() + limb * degree, source + limb * degree, context_->specialProduct(limb),
                                     degree);
    }
    writer.add(b, seed);
  }
  writer.end();
}

std::size_t SecretSide::galoisElement(std::size_t step) const {
  const std::size_t degree = context_->degree();
  if (step >= degree / 2) {
    throw std::invalid_argument("rotation steps are 0 ... N/2 - 1, not " + std::to_string(step));
  }
  if (step == 0) return 2 * degree - 1;
  std::size_t element = 1;
  for (std::size_t i = 0; i < step; i++) element = element * 3 & (2 * degree - 1);
  return element;
}

void SecretSide::requireLevel(std::size_t level) const {
  if (level > context_->topLevel()) {
    throw std::invalid_argument("levels are 0 ... " + std::to_string(context_->topLevel()) + ", not " + std::to_string(level));
  }
}

std::size_t SecretSide::rotationKeyBytes(std::size_t step, std::size_t level) const {
  requireLevel(level);
  return format::SwitchingKeyWriter::bytes(*context_, (galoisElement(step) - 1) / 2, level);
}

void SecretSide::makeRotationKey(std::size_t step, std::size_t level, std::span<std::uint8_t> out) {
  requireLevel(level);
  const std::size_t degree = context_->degree();
  const std::size_t element = galoisElement(step);
  const auto automorphism = makeAutomorphism(element, degree);
  Block rotated(pool_, (level + 1) * degree, true);
  for (std::size_t limb = 0; limb <= level; limb++) {
    permute(*automorphism, rotated.data() + limb * degree, key_.limb(limb, degree));
  }
  makeSwitchingKey(rotated.data(), (element - 1) / 2, level, out);
}

std::size_t SecretSide::relinearizationKeyBytes(std::size_t level) const {
  requireLevel(level);
  return format::SwitchingKeyWriter::bytes(*context_, 0, level);
}

void SecretSide::makeRelinearizationKey(std::size_t level, std::span<std::uint8_t> out) {
  requireLevel(level);
  const std::size_t degree = context_->degree();
  Block square(pool_, (level + 1) * degree, true);
  for (std::size_t limb = 0; limb <= level; limb++) {
    const u64* s = key_.limb(limb, degree);
    context_->field(limb).multiply(square.data() + limb * degree, s, s, degree);
  }
  makeSwitchingKey(square.data(), 0, level, out);
}

SecretSide::RaiseKeyBytes SecretSide::makeRaiseKeys(std::size_t level, std::size_t weight) {
  requireLevel(level);
  const std::size_t degree = context_->degree();
  if (weight == 0 || weight > degree) {
    throw std::invalid_argument("the weight of a sparse secret is 1 ... N, not " + std::to_string(weight));
  }
  const SecretKey sparse = makeSparseKey(*context_, pool_, threads_, weight);
  random::SmallPolynomial error(degree);
  const Addend addError = [&](const Field& field, u64* out) { random::toResidues(out, error.values(), field.modulus()); };

  const std::vector<std::size_t> narrow = format::encapsulationLimbs(*context_);
  random::sampleError(error.values());
  const Seed first = random::freshSeed();
  // p' s under s': p' is 0 modulo itself.
  Polynomial b = ringSample(narrow, first, sparse, addError);
  const Field& base = context_->field(0);
  base.scaleAdd(b.words.data(), key_.limb(0, degree), base.constant(context_->field(narrow[1]).modulus() % base.modulus()), degree);
  RaiseKeyBytes keys{format::writeEncapsulationKey(*context_, b, first), {}};

  // P s' under s; the gadget has one digit, the whole of the data limbs.
  random::sampleError(error.values());
  const Seed second = random::freshSeed();
  b = ringSample(format::keyLimbs(*context_, level), second, addError);
  for (std::size_t limb = 0; limb <= level; limb++) {
    context_->field(limb).scaleAdd(b.words.data() + limb * degree, sparse.limb(limb, degree), context_->specialProduct(limb), degree);
  }
  keys.decapsulation = format::writeDecapsulationKey(*context_, level, b, second);
  return keys;
}

std::vector<std::uint8_t> SecretSide::encrypt(std::span<const double> slots, std::size_t level, double scale) {
  const EncodedSlots message(*context_, encoder_, pool_, slots, level, scale);
  random::SmallPolynomial error(context_->degree());
  random::sampleError(error.values());
  const Seed seed = random::freshSeed();
  const Polynomial b = ringSample(format::dataLimbs(*context_, level), seed, [&](const Field& field, u64* out) {
    message.residues(field, out);
    random::addResidues(out, error.values(), field.modulus());
  });
  return format::writeSeededCiphertext(*context_, level, scale, b, seed);
}

std::vector<double> SecretSide::decrypt(format::Bytes bytes, std::size_t level, double scale, double noiseLimit) {
  requireLevel(level);
  const std::size_t degree = context_->degree();
  if (!std::isfinite(scale) || !(scale > 0)) throw std::invalid_argument("the scale must be a positive number");
  const format::CiphertextData ciphertext = format::readCiphertext(*context_, pool_, bytes, &threads_);
  if (ciphertext.level != level) {
    throw format::FormatError("ciphertext: expected level " + std::to_string(level) + ", found level " +
                              std::to_string(ciphertext.level));
  }
  Block message(pool_, (level + 1) * degree, true);
  threads_.each(level + 1, [&](std::size_t limb, std::size_t) {
    const Field& field = context_->field(limb);
    u64* m = message.data() + limb * degree;
    const u64* s = key_.limb(limb, degree);
    // c_0 + s (c_1 + s c_2)
    std::size_t part = ciphertext.polynomials.size() - 1;
    const auto words = [&](std::size_t p) { return ciphertext.polynomials[p].words.data() + limb * degree; };
    field.multiply(m, words(part), s, degree);
    while (--part > 0) {
      field.add(m, m, words(part), degree);
      field.multiply(m, m, s, degree);
    }
    field.add(m, m, words(0), degree);
    field.inverse(m, m, field.constant(1));
  });
  std::vector<double> slots(degree / 2);
  const double noise = decoder_.decode(message.data(), level, scale, pool_, slots);
  // Written so that NaN fails.
  if (!(noise <= noiseLimit)) {
    format::wipe(slots.data(), slots.size() * sizeof(double));
    throw Implausible{};
  }
  return slots;
}

}  // namespace he::secret
