/** Straight-line programs of primitive operations on numbered registers, e.g. one polynomial or one product. */
#pragma once
#include "arithmetic.h"
#include "keys.h"

namespace he {

/**
 * One step: result = op(left, right). In place if result == left. `argument` is a level, a rotation step (0: complex conjugation) or
 * the index of a plaintext.
 *  - dropToLevel: left at level `argument`; rotate: left by step `argument`; relinearize, rescale, copy: of left
 *  - multiply: left * right, three polynomials; add: left + right
 *  - multiplyPlain: left * plain; multiplyPlainAdd: left + right * plain; addPlain: left + plain
 *  - release: register `result` is not read again
 */
struct TapeStep {
  enum class Op : std::uint8_t {
    dropToLevel, rotate, multiply, multiplyPlain, multiplyPlainAdd, add, addPlain, relinearize, rescale, copy, release,
  };
  Op op;
  u32 result = 0;
  u32 left = 0, right = 0;
  u32 argument = 0;
  double scale = 0; // planned scale of the result, of operations that make one
};

struct TapePlain {
  SlotValues value;
  u32 level;
  double scale;
};

struct Tape {
  u32 inputs = 0, registers = 0;  // inputs are the first registers
  std::vector<u32> outputs;
  std::vector<TapePlain> plains;
  std::vector<TapeStep> steps;
};

/** A checked tape with its plaintexts encoded; `plains` by step, null where there is none. */
struct TapePlan {
  u32 inputs = 0, registers = 0;
  std::vector<u32> outputs;
  std::vector<TapeStep> steps;
  std::vector<Plaintexts::Handle> plains;
};

/** @throws EngineError INTERNAL if malformed, PLAINTEXT_INVALID; MemoryExceeded */
TapePlan planTape(Plaintexts& plaintexts, const Context& context, const Tape& tape);

/**
 * A product with a plaintext that encodes to zero is one with the smallest that does not: an exact zero would hide nothing.
 * @throws EngineError INTERNAL (levels, sizes or scales do not fit), KEY_MISSING; MemoryExceeded; Cancelled
 */
std::vector<Ciphertext> runTape(Workspace& workspace, Plaintexts& plaintexts, const Keys& keys, const TapePlan& plan,
                                std::span<const Ciphertext> inputs);

}  // namespace he
