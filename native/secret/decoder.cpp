#include "decoder.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace he::secret {
namespace {

u64 multiplyModulo(u64 a, u64 b, u64 q) { return static_cast<u64>(static_cast<unsigned __int128>(a) * b % q); }

/** q is prime. */
u64 invertModulo(u64 a, u64 q) {
  u64 result = 1;
  for (u64 exponent = q - 2, base = a % q; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = multiplyModulo(result, base, q);
    base = multiplyModulo(base, base, q);
  }
  return result;
}

void addRoot(std::vector<double>& re, std::vector<double>& im, long double turns) {
  const long double angle = 2 * std::numbers::pi_v<long double> * turns;
  re.push_back(static_cast<double>(std::cos(angle)));
  im.push_back(static_cast<double>(std::sin(angle)));
}

}  // namespace

Decoder::Decoder(const Context& context) : context_(context), points_(context.degree() / 2) {
  const std::size_t degree = context.degree();
  const int bits = std::countr_zero(points_);
  for (std::size_t k = 0; k < points_; k++) {
    u32 reversed = 0;
    for (int b = 0; b < bits; b++) reversed |= static_cast<u32>(k >> b & 1) << (bits - 1 - b);
    reversed_.push_back(reversed);
    addRoot(twistRe_, twistIm_, static_cast<long double>(k) / static_cast<long double>(2 * degree));
  }
  for (std::size_t k = 0; k < points_ / 2; k++) {
    addRoot(rootRe_, rootIm_, static_cast<long double>(k) / static_cast<long double>(points_));
  }
  // Slot i is the value at zeta^(3^i), zeta = exp(pi i / N). Its conjugate has the same real part; of the two, one is zeta^(4j + 1).
  u64 exponent = 1;
  for (std::size_t slot = 0; slot < points_; slot++) {
    const u64 own = (exponent & 3) == 1 ? exponent : 2 * degree - exponent;
    sampleOfSlot_.push_back(static_cast<u32>((own - 1) / 4));
    exponent = exponent * 3 & (2 * degree - 1);
  }
  for (std::size_t i = 0; i <= context.topLevel(); i++) {
    const Field& field = context.field(i);
    std::vector<Constant>& row = inverses_.emplace_back();
    for (std::size_t j = 0; j < i; j++) {
      row.push_back(field.constant(invertModulo(context.field(j).modulus(), field.modulus())));
    }
  }
}

double Decoder::decode(u64* limbs, std::size_t level, double scale, Pool& pool, std::span<double> slots) const {
  Block memory(pool, 4 * points_, true);
  auto* values = reinterpret_cast<double*>(memory.data());
  coefficients(values, limbs, level, scale, pool);
  // m(zeta^(4j + 1)) = sum over k < N/2 of (m_k + i m_(k + N/2)) zeta^k exp(2 pi i j k / (N/2)).
  double* re = values + 2 * points_;
  double* im = re + points_;
  for (std::size_t k = 0; k < points_; k++) {
    const double x = values[k], y = values[k + points_];
    re[reversed_[k]] = x * twistRe_[k] - y * twistIm_[k];
    im[reversed_[k]] = x * twistIm_[k] + y * twistRe_[k];
  }
  transform(re, im);
  double squares = 0;
  for (std::size_t slot = 0; slot < points_; slot++) {
    const u32 sample = sampleOfSlot_[slot];
    slots[slot] = re[sample];
    squares += im[sample] * im[sample];
  }
  return std::sqrt(squares / static_cast<double>(points_));
}

/**
 * Chinese remaindering into balanced mixed-radix digits: x = sum of v_i q_0 ... q_(i-1) with |v_i| <= (q_i - 1) / 2. Digits of
 * x + (Q - 1) / 2, which is not negative, less (q_i - 1) / 2 each are just these, because (Q - 1) / 2 is the number all of whose
 * digits are (q_i - 1) / 2; and modulo q_i that number is (q_i - 1) / 2 too.
 */
void Decoder::coefficients(double* out, u64* limbs, std::size_t level, double scale, Pool& pool) const {
  const std::size_t degree = context_.degree();
  Block spare(pool, degree, true);
  for (std::size_t i = 0; i <= level; i++) {
    const Field& field = context_.field(i);
    const u64 q = field.modulus(), half = (q - 1) / 2;
    u64* digit = limbs + i * degree;
    for (std::size_t k = 0; k < degree; k++) {
      const u64 shifted = digit[k] + half - q;
      digit[k] = shifted + (q & (u64{0} - (shifted >> 63)));
    }
    for (std::size_t j = 0; j < i; j++) {
      field.reduce(spare.data(), limbs + j * degree, context_.field(j).modulus(), degree);
      field.subtractScale(digit, digit, spare.data(), inverses_[i][j], degree);
    }
  }
  // Small values have zeros for high digits, so nothing large cancels in this sum.
  for (std::size_t k = 0; k < degree; k++) out[k] = 0;
  long double weight = 1 / static_cast<long double>(scale);
  for (std::size_t i = 0; i <= level; i++) {
    const u64 q = context_.field(i).modulus();
    const auto half = static_cast<std::int64_t>((q - 1) / 2);
    const double factor = static_cast<double>(weight);
    const u64* digit = limbs + i * degree;
    for (std::size_t k = 0; k < degree; k++) {
      out[k] += static_cast<double>(static_cast<std::int64_t>(digit[k]) - half) * factor;
    }
    weight *= static_cast<long double>(q);
  }
}

/** In place, bit-reversed in, natural out (Cooley and Tukey). */
void Decoder::transform(double* re, double* im) const noexcept {
  for (std::size_t half = 1; half < points_; half *= 2) {
    const std::size_t stride = points_ / (2 * half);
    for (std::size_t group = 0; group < points_; group += 2 * half) {
      double *aRe = re + group, *aIm = im + group, *bRe = aRe + half, *bIm = aIm + half;
      for (std::size_t k = 0; k < half; k++) {
        const double wRe = rootRe_[k * stride], wIm = rootIm_[k * stride];
        const double xRe = bRe[k] * wRe - bIm[k] * wIm, xIm = bRe[k] * wIm + bIm[k] * wRe;
        bRe[k] = aRe[k] - xRe;
        bIm[k] = aIm[k] - xIm;
        aRe[k] += xRe;
        aIm[k] += xIm;
      }
    }
  }
}

}  // namespace he::secret
