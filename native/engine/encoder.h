/**
 * CKKS encoding: slot values to the coefficients of a polynomial whose values at the primitive 2N-th roots of unity they are
 * (Cheon, Kim, Kim and Song, ASIACRYPT 2017), in SEAL's order of slots: slot i belongs to the root zeta^(3^i). Needs context and
 * kernels only. Immutable after construction; threads may share it.
 */
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "context.h"

namespace he {

/** Values of slots 0 ... N/2-1: all of them, or only some (others are zero). */
struct SlotValues {
  std::vector<double> values;
  std::vector<u32> positions;  // empty: values are dense (length N/2) or a single one for every slot
  std::vector<double> imaginary = {};  // empty: values are real; otherwise as many as there are values
};

class Encoder {
 public:
  /** Magnitudes below this fit `Integers`; larger ones are reduced exactly, but slowly. */
  static constexpr double integerBound = 288230376151711744.0;  // 2^58

  explicit Encoder(std::size_t degree);

  std::size_t degree() const noexcept { return 4 * points_; }
  std::size_t slotCount() const noexcept { return 2 * points_; }

  /**
   * coefficients[0 ... N-1] = the real coefficients times `scale`, not rounded.
   * @param values N/2 of them, or with `positions` as many as there are positions (each below N/2)
   * @param coefficients N doubles; @param work N/2 doubles
   * @returns the largest magnitude after rounding; infinite or NaN if a value was
   */
  double coefficients(double* coefficients, std::span<const double> values, std::span<const u32> positions, double scale,
                      double* work) const noexcept;
  /** The same of values that may be complex. @param second N doubles, for the imaginary parts */
  double coefficients(double* coefficients, const SlotValues& slots, double scale, double* work, double* second) const noexcept;

  /** Rounds to nearest. Magnitudes below `integerBound`; dst and src may be the same memory. */
  static void round(std::int64_t* dst, const double* src, std::size_t n) noexcept;
  /** Rounded coefficients to residues of one limb, in coefficient form. */
  static void reduce(u64* dst, const std::int64_t* src, const Field& field) noexcept;
  static void reduceLarge(u64* dst, const double* src, const Field& field) noexcept;
  /** round(value) modulo the field's prime: every coefficient of NTT form of the constant polynomial. */
  static u64 reduceConstant(double value, u64 modulus) noexcept;

 private:
  /** Not rounded. @param odd factor of the values of odd slots */
  void transformValues(double* coefficients, std::span<const double> values, std::span<const u32> positions, double odd, double scale,
                       double* work) const noexcept;
  void transform(double* re, double* im, double* workRe, double* workIm) const noexcept;

  // The N/2 slots are the real inputs of a transform of N/2 points, done as one of N/4 complex ones in rows x columns.
  std::size_t points_, rows_, columns_;
  std::vector<u32> place_;                                 // slot -> word of the transform's input
  std::vector<u32> reversedColumns_;
  std::vector<double> rowRe_, rowIm_, columnRe_, columnIm_;  // twiddles of the short transforms
  std::vector<double> middleRe_, middleIm_;                // between them
  std::vector<double> splitRe_, splitIm_;                  // real transform from the complex one
  std::vector<double> twistRe_, twistIm_;                  // zeta^-k
};

}  // namespace he
