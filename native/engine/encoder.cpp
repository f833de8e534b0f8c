#include "encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "multiversion.h"
#include "pointwise.h"

namespace he {
namespace {

u32 reverseBits(u32 value, int bits) {
  u32 result = 0;
  for (int i = 0; i < bits; ++i) result |= (value >> i & 1) << (bits - 1 - i);
  return result;
}

/** exp(-2 pi i k / n) for k < count. */
void fillRoots(std::vector<double>& re, std::vector<double>& im, std::size_t count, std::size_t n) {
  for (std::size_t k = 0; k < count; ++k) {
    const long double angle = -2 * std::numbers::pi_v<long double> * static_cast<long double>(k) / static_cast<long double>(n);
    re.push_back(static_cast<double>(std::cos(angle)));
    im.push_back(static_cast<double>(std::sin(angle)));
  }
}

/** One butterfly of a decimation-in-time stage on `n` columns. */
HE_MULTIVERSION
void butterflies(double* __restrict aRe, double* __restrict aIm, double* __restrict bRe, double* __restrict bIm, double wRe,
                 double wIm, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const double re = bRe[i] * wRe - bIm[i] * wIm;
    const double im = bRe[i] * wIm + bIm[i] * wRe;
    bRe[i] = aRe[i] - re;
    bIm[i] = aIm[i] - im;
    aRe[i] += re;
    aIm[i] += im;
  }
}

HE_MULTIVERSION
void rotateComplex(double* __restrict re, double* __restrict im, const double* __restrict wRe, const double* __restrict wIm,
                   std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const double x = re[i] * wRe[i] - im[i] * wIm[i];
    im[i] = re[i] * wIm[i] + im[i] * wRe[i];
    re[i] = x;
  }
}

/**
 * A transform over the rows (bit-reversed in, natural out) of a matrix, all columns at once; blocks of columns stay in the
 * first-level cache.
 */
void transformRows(double* re, double* im, std::size_t rows, std::size_t columns, const double* wRe, const double* wIm) noexcept {
  const std::size_t block = std::min<std::size_t>(columns, 16);
  for (std::size_t first = 0; first < columns; first += block) {
    for (std::size_t half = 1; half < rows; half *= 2) {
      const std::size_t stride = rows / (2 * half);
      for (std::size_t group = 0; group < rows; group += 2 * half) {
        for (std::size_t k = 0; k < half; ++k) {
          const std::size_t a = (group + k) * columns + first;
          const std::size_t b = a + half * columns;
          butterflies(re + a, im + a, re + b, im + b, wRe[k * stride], wIm[k * stride], block);
        }
      }
    }
  }
}

struct Split {
  const double *re, *im, *splitRe, *splitIm, *twistRe, *twistIm;
};

/** Coefficients k and k + N/4, with the imaginary halves N/2 further on, for 0 < k < N/4. */
HE_MULTIVERSION
void splitAndTwist(double* __restrict out, const Split s, double factor, std::size_t points) noexcept {
  const double diagonal = std::numbers::sqrt2 / 2;
  const std::size_t slots = 2 * points;
  const auto* __restrict re = s.re;
  const auto* __restrict im = s.im;
  for (std::size_t k = 0; k < points; ++k) {
    const std::size_t mirror = (points - k) & (points - 1);
    const double evenRe = re[k] + re[mirror], evenIm = im[k] - im[mirror];
    const double diffRe = re[k] - re[mirror], diffIm = im[k] + im[mirror];
    // Odd part: difference / i, times exp(-2 pi i k / (N/2)).
    const double oddRe = diffIm * s.splitRe[k] + diffRe * s.splitIm[k];
    const double oddIm = diffIm * s.splitIm[k] - diffRe * s.splitRe[k];
    const double twistRe = s.twistRe[k] * factor, twistIm = s.twistIm[k] * factor;
    const double xRe = evenRe + oddRe, xIm = evenIm + oddIm;
    const double yRe = evenRe - oddRe, yIm = evenIm - oddIm;
    out[k] = xRe * twistRe - xIm * twistIm;
    out[k + slots] = xRe * twistIm + xIm * twistRe;
    // zeta^-(k + N/4) = zeta^-k exp(-i pi / 4).
    const double uRe = (twistRe + twistIm) * diagonal, uIm = (twistIm - twistRe) * diagonal;
    out[k + points] = yRe * uRe - yIm * uIm;
    out[k + points + slots] = yRe * uIm + yIm * uRe;
  }
}

/** Bits of the largest magnitude: of non-negative doubles they order as integers, and NaN comes last. */
HE_MULTIVERSION
u64 largestBits(const double* values, std::size_t n) noexcept {
  u64 largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const u64 magnitude = std::bit_cast<u64>(values[i]) & 0x7FFFFFFFFFFFFFFFu;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

HE_MULTIVERSION
void roundAll(std::int64_t* dst, const unsigned char* src, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    double x;
    std::memcpy(&x, src + i * sizeof x, sizeof x);
    dst[i] = static_cast<std::int64_t>(x + std::copysign(0.5, x));
  }
}

}  // namespace

Encoder::Encoder(std::size_t degree) : points_(degree / 4) {
  const int logPoints = std::countr_zero(points_);
  const int logRows = logPoints / 2;
  rows_ = std::size_t{1} << logRows;
  columns_ = points_ >> logRows;

  const std::size_t slots = degree / 2;
  u64 root = 1;
  for (std::size_t i = 0; i < slots; ++i) {
    // Real values: the conjugate root has the same value, so each slot may use the one that is 1 mod 4.
    const u64 exponent = (root & 3) == 1 ? root : 2 * degree - root;
    const std::size_t sample = (exponent - 1) / 4;
    const std::size_t point = sample / 2;
    const std::size_t row = reverseBits(static_cast<u32>(point / columns_), logRows);
    place_.push_back(static_cast<u32>((sample & 1) * points_ + row * columns_ + point % columns_));
    root = root * 3 & (2 * degree - 1);
  }
  for (std::size_t c = 0; c < columns_; ++c) {
    reversedColumns_.push_back(reverseBits(static_cast<u32>(c), logPoints - logRows));
  }
  fillRoots(rowRe_, rowIm_, rows_ / 2, rows_);
  fillRoots(columnRe_, columnIm_, columns_ / 2, columns_);
  for (std::size_t r = 0; r < rows_; ++r) {
    for (std::size_t c = 0; c < columns_; ++c) {
      const long double angle =
          -2 * std::numbers::pi_v<long double> * static_cast<long double>(r * c) / static_cast<long double>(points_);
      middleRe_.push_back(static_cast<double>(std::cos(angle)));
      middleIm_.push_back(static_cast<double>(std::sin(angle)));
    }
  }
  fillRoots(splitRe_, splitIm_, points_, slots);
  fillRoots(twistRe_, twistIm_, points_, 2 * degree);
}

void Encoder::transform(double* re, double* im, double* workRe, double* workIm) const noexcept {
  transformRows(re, im, rows_, columns_, rowRe_.data(), rowIm_.data());
  rotateComplex(re, im, middleRe_.data(), middleIm_.data(), points_);
  for (std::size_t c = 0; c < columns_; ++c) {
    double* const toRe = workRe + reversedColumns_[c] * rows_;
    double* const toIm = workIm + reversedColumns_[c] * rows_;
    for (std::size_t r = 0; r < rows_; ++r) {
      toRe[r] = re[r * columns_ + c];
      toIm[r] = im[r * columns_ + c];
    }
  }
  transformRows(workRe, workIm, columns_, rows_, columnRe_.data(), columnIm_.data());
}

void Encoder::transformValues(double* coefficients, std::span<const double> values, std::span<const u32> positions, double odd,
                              double scale, double* work) const noexcept {
  double* const in = coefficients;
  const double factors[] = {1, odd};
  if (positions.empty()) {
    for (std::size_t i = 0; i < values.size(); ++i) in[place_[i]] = factors[i & 1] * values[i];
  } else {
    std::fill_n(in, slotCount(), 0.0);
    for (std::size_t i = 0; i < positions.size(); ++i) in[place_[positions[i]]] = factors[positions[i] & 1] * values[i];
  }
  transform(in, in + points_, work, work + points_);
  // The even and odd parts were left doubled, hence N and not N/2.
  splitAndTwist(coefficients, {work, work + points_, splitRe_.data(), splitIm_.data(), twistRe_.data(), twistIm_.data()},
                scale / static_cast<double>(degree()), points_);
}

double Encoder::coefficients(double* coefficients, std::span<const double> values, std::span<const u32> positions,
                             double scale, double* work) const noexcept {
  transformValues(coefficients, values, positions, 1, scale, work);
  return std::round(std::bit_cast<double>(largestBits(coefficients, degree())));
}

double Encoder::coefficients(double* coefficients, const SlotValues& slots, double scale, double* work,
                             double* second) const noexcept {
  transformValues(coefficients, slots.values, slots.positions, 1, scale, work);
  if (!slots.imaginary.empty()) {
    // Odd slots are given by the conjugate root. With X_k = zeta^-k sum_s w_s zeta^-4sk, coefficient k is Re X_k / M and
    // coefficient k + N/2 is Im X_k / M: so i v takes the two halves of v's, turned by a quarter.
    transformValues(second, slots.imaginary, slots.positions, -1, scale, work);
    const std::size_t half = slotCount();
    for (std::size_t k = 0; k < half; ++k) {
      coefficients[k] -= second[k + half];
      coefficients[k + half] += second[k];
    }
  }
  return std::round(std::bit_cast<double>(largestBits(coefficients, degree())));
}

void Encoder::round(std::int64_t* dst, const double* src, std::size_t n) noexcept { 
  roundAll(dst, reinterpret_cast<const unsigned char*>(src), n);
}

void Encoder::reduce(u64* dst, const std::int64_t* src, const Field& field) noexcept {
  constexpr u64 bound = u64{1} << 58;
  const u64 offset = (bound / field.modulus() + 1) * field.modulus();
  addOffset(dst, src, offset, field.degree());
  field.reduce(dst, dst, offset + bound, field.degree());
}

void Encoder::reduceLarge(u64* dst, const double* src, const Field& field) noexcept {
  for (std::size_t i = 0; i < field.degree(); ++i) dst[i] = reduceConstant(std::round(src[i]), field.modulus());
}

u64 Encoder::reduceConstant(double value, u64 modulus) noexcept {
  value = std::round(value);
  int exponent = 0;
  // 53 bits of mantissa as an integer, then the power of two that is left.
  const double fraction = std::frexp(std::fabs(value), &exponent);
  u64 residue = static_cast<u64>(std::ldexp(fraction, 53));
  exponent -= 53;
  if (exponent < 0) {
    residue = static_cast<u64>(std::fabs(value));
    exponent = 0;
  }
  residue %= modulus;
  while (exponent > 0) {
    const int shift = std::min(exponent, 63);
    residue = static_cast<u64>((static_cast<unsigned __int128>(residue) << shift) % modulus);
    exponent -= shift;
  }
  return value < 0 && residue != 0 ? modulus - residue : residue;
}

}  // namespace he
