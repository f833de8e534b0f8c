#include "encoded-slots.h"

#include <cmath>
#include <stdexcept>
#include <string>

namespace he {

EncodedSlots::EncodedSlots(const Context& context, const Encoder& encoder, Pool& pool, std::span<const double> slots,
                           std::size_t level, double scale)
    : values_(pool, context.degree(), true) {
  const std::size_t degree = context.degree();
  if (level > context.topLevel()) {
    throw std::invalid_argument("levels are 0 ... " + std::to_string(context.topLevel()) + ", not " + std::to_string(level));
  }
  if (slots.size() != degree / 2) throw std::invalid_argument("a ciphertext has " + std::to_string(degree / 2) + " slots");
  if (!std::isfinite(scale) || !(scale > 0)) throw std::invalid_argument("the scale must be a positive number");
  Block work(pool, degree / 2, true);
  auto* plain = reinterpret_cast<double*>(values_.data());
  const double largest = encoder.coefficients(plain, slots, {}, scale, reinterpret_cast<double*>(work.data()));
  // Written so that NaN is refused too.
  if (!(std::log2(largest + 1) + 1 < context.modulusBits(level))) {
    throw std::invalid_argument("the values are too large for the scale and the level");
  }
  large_ = largest >= Encoder::integerBound;
  if (!large_) Encoder::round(reinterpret_cast<std::int64_t*>(values_.data()), plain, degree);
}

void EncodedSlots::residues(const Field& field, u64* out) const {
  if (large_) {
    Encoder::reduceLarge(out, reinterpret_cast<const double*>(values_.data()), field);
  } else {
    Encoder::reduce(out, reinterpret_cast<const std::int64_t*>(values_.data()), field);
  }
}

}  // namespace he
