/**
 * Arithmetic of one limb: N coefficients modulo one prime q < 2^60, q = 1 mod 2N. Every vector path (scalar, AVX2, AVX-512,
 * IFMA, NEON) implements this table; callers never know which one runs.
 *
 * A limb is N 64-bit words, 64-byte aligned. Forms of its values:
 *  - reduced:      in [0, q). What ciphertexts, keys in files and results hold.
 *  - lazy:         congruent, in a form that only the same field's kernels know. Made by `forwardLazy` and `convertForwardLazy`,
 *                  accepted as `x` by `multiplyAccumulate` and as `b` by `subtractScale` and `subtractScaleAdd`, nowhere else.
 *  - multiplicand: reduced and multiplied by the path's Montgomery constant (`toMultiplicand`), so that products with it need no
 *                  division. Keys and encoded plaintexts are kept so. One factor of each product must be one, either of them.
 * NTT order and roots are SEAL's: the numerically smallest primitive 2N-th root, results in bit-reversed order
 * (Longa and Naehrig, eprint 2016/504; Harvey, arXiv 1205.2926).
 */
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "packed.h"

namespace he {

using u64 = std::uint64_t;
using u32 = std::uint32_t;

enum class Path : std::uint8_t { automatic, scalar, avx2, avx512, ifma, neon };

/** Multiplication by a constant w: w and floor(w * 2^shift / q) for the path's shift (Shoup). */
struct Constant {
  u64 value;
  u64 quotient;
};

/** Permutation of NTT-form values that x -> x^galoisElement induces; any path can use it. */
struct Automorphism;

class Field {
 public:
  virtual ~Field();
  virtual u64 modulus() const noexcept = 0;
  virtual std::size_t degree() const noexcept = 0;
  virtual Path path() const noexcept = 0;
  virtual Constant constant(u64 value) const noexcept = 0;

  // --- transforms; src and dst may be the same limb ---
  /** Reduced in, reduced out. */
  virtual void forward(u64* dst, const u64* src) const noexcept = 0;
  /** src in [0, sourceModulus), any modulus < 2^60; out in lazy form. */
  virtual void forwardLazy(u64* dst, const u64* src, u64 sourceModulus) const noexcept = 0;
  /** Of signed integers below 2^58 (`packIntegers`); out reduced, or multiplicands. dst is not src. */
  virtual void forwardIntegers(u64* dst, Packed src, unsigned width, bool multiplicand) const noexcept = 0;
  /** Of this field's residues, packed, times a constant; lazy. dst is not src. */
  virtual void forwardPackedLazy(u64* dst, Packed src, unsigned width, Constant c) const noexcept = 0;
  /** Reduced in; out = inverse NTT times scale (1/N is included by the kernel), reduced. */
  virtual void inverse(u64* dst, const u64* src, Constant scale) const noexcept = 0;

  // --- pointwise on n values (n a multiple of 8); reduced in and out unless said ---
  virtual void add(u64* dst, const u64* a, const u64* b, std::size_t n) const noexcept = 0;
  virtual void subtract(u64* dst, const u64* a, const u64* b, std::size_t n) const noexcept = 0;
  virtual void negate(u64* dst, const u64* a, std::size_t n) const noexcept = 0;
  virtual void multiply(u64* dst, const u64* a, const u64* b, std::size_t n) const noexcept = 0;
  virtual void scale(u64* dst, const u64* a, Constant c, std::size_t n) const noexcept = 0;
  /** dst = dst + c * a. */
  virtual void scaleAdd(u64* dst, const u64* a, Constant c, std::size_t n) const noexcept = 0;
  /** Values in [0, sourceModulus) to reduced. */
  virtual void reduce(u64* dst, const u64* a, u64 sourceModulus, std::size_t n) const noexcept = 0;
  virtual void toMultiplicand(u64* dst, const u64* a, std::size_t n) const noexcept = 0;
  virtual void fromMultiplicand(u64* dst, const u64* a, std::size_t n) const noexcept = 0;

  /**
   * dst0 (+)= sum_t x[t] * y0[t] and dst1 (+)= sum_t x[t] * y1[t], one reduction at the end; dst reduced.
   * Either all `y` are multiplicands and x reduced or lazy, or all `x` are multiplicands and y reduced. With `add` the sums are
   * added to dst (reduced). dst1 may be null (then y1 is not read). Up to 2048 terms.
   */
  virtual void multiplyAccumulate(u64* dst0, u64* dst1, const u64* const* x, const u64* const* y0, const u64* const* y1,
                                  std::size_t terms, bool add, std::size_t n) const noexcept = 0;
  /** The same where the multiplicands are packed, in the width of this modulus: all `y`, or all `x`. */
  virtual void multiplyPackedKeys(u64* dst0, u64* dst1, const u64* const* x, const Packed* y0, const Packed* y1, std::size_t terms,
                                  bool add, std::size_t n) const noexcept = 0;
  virtual void multiplyPackedPlaintexts(u64* dst0, u64* dst1, const Packed* x, const u64* const* y0, const u64* const* y1,
                                        std::size_t terms, bool add, std::size_t n) const noexcept = 0;
  /** The same where the multiplicands, all `x`, are equal in runs of 2^logRun >= 8 places and given once for each run. */
  virtual void multiplyRuns(u64* dst0, u64* dst1, const u64* const* x, unsigned logRun, const u64* const* y0, const u64* const* y1,
                            std::size_t terms, bool add, std::size_t n) const noexcept = 0;

  /**
   * One limb of a fast base conversion: dst = sum_i y[i] * c[i] mod q, y[i] in [0, bound), bound <= 2^60, c[i] prepared by
   * `constant`; up to 64 of them. A bound below 2^52 is faster on IFMA, one below 2^50 on AVX2.
   * (Bajard, Eynard, Hasan and Zucca 2016; Halevi, Polyakov and Shoup 2018.)
   */
  virtual void convert(u64* dst, const u64* const* y, const Constant* c, std::size_t count, std::size_t n,
                       u64 bound = u64{1} << 60) const noexcept = 0;
  /** The same on a whole limb, and its forward transform; out in lazy form. dst may be none of the y. */
  virtual void convertForwardLazy(u64* dst, const u64* const* y, const Constant* c, std::size_t count,
                                  u64 bound = u64{1} << 60) const noexcept = 0;

  /** The same of packed inputs, all in one width, and a last one whose numbers are bytes; c of each, then of the bytes. */
  virtual void convertPackedForwardLazy(u64* dst, const Packed* y, unsigned width, const std::uint8_t* bytes, const Constant* c,
                                        std::size_t count, u64 bound) const noexcept = 0;

  /** dst = (a - b) * c, reduced, b reduced or lazy: the last step of a modulus-down or a rescale. */
  virtual void subtractScale(u64* dst, const u64* a, const u64* b, Constant c, std::size_t n) const noexcept = 0;
  /**
   * One limb of the end of a rotation: dst = (a - b) * c + addend, then permuted; b reduced or lazy, addend reduced or null,
   * automorphism null for none. Without an automorphism dst may be a, b or addend, otherwise none of them.
   */
  virtual void subtractScaleAdd(u64* dst, const u64* a, const u64* b, Constant c, const u64* addend,
                                const Automorphism* automorphism) const noexcept = 0;
};

/** Whether the machine can run the path for this modulus (IFMA: q < 2^50; AVX2: q < 2^47). `automatic` and `scalar` always. */
bool supports(Path path, u64 modulus) noexcept;

/**
 * @param path `automatic` picks the fastest that the machine has for this modulus; a forced path that does not cover the modulus
 *   falls back to the next slower one of the same machine
 * @throws std::invalid_argument if q is not an odd prime = 1 mod 2N below 2^60, or N not a power of two in 1024 ... 131072
 */
std::shared_ptr<const Field> makeField(u64 modulus, std::size_t degree, Path path = Path::automatic);

/**
 * Galois automorphism x -> x^element on NTT-form limbs (bit-reversed order): dst[i] = src[table(i)].
 * @throws std::invalid_argument unless the element is odd and below 2N
 */
std::shared_ptr<const Automorphism> makeAutomorphism(u64 element, std::size_t degree);
/** dst is not src. */
void permute(const Automorphism& automorphism, u64* dst, const u64* src) noexcept;
/** dst = permuted src + addend; dst may be addend, not src. */
void permuteAdd(const Automorphism& automorphism, const Field& field, u64* dst, const u64* src, const u64* addend) noexcept;

}  // namespace he
