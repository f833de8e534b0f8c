/** A linear transform as the caller describes it, and as it is run: checked, encoded, simplified. */
#pragma once
#include <cstdint>
#include <vector>

#include "plaintexts.h"

namespace he {

/** y = sum_i M_i x_i + b, baby-step giant-step over generalised diagonals. */
struct LinearDescription {
  struct Baby {
    u32 source;               // index into the inputs
    std::int32_t from;        // earlier baby, or -1: the source
    std::vector<u32> via;     // rotation steps, in order; empty: the source as it is
    u32 step;                 // total
  };
  struct Term {
    u32 baby;
    u32 diagonal;             // index into `diagonals`
  };
  struct Giant {
    std::int32_t into;        // later giant, or -1: the output
    std::vector<u32> via;
    std::vector<Term> terms;
  };
  struct Output {
    std::vector<Giant> giants;                 // children first
    // acc += rotate(acc, r), r given as keyed steps; the one step 0 alone: acc += conjugate(acc)
    std::vector<std::vector<u32>> reductions;
    std::int32_t bias;                         // index into `diagonals`, or -1
  };
  u32 level;
  std::vector<double> plainScales;  // per input ciphertext
  double outputScale;               // after the rescale
  std::vector<Baby> babies;
  std::vector<Output> outputs;
  std::vector<SlotValues> diagonals;
};

struct LinearPlan {
  /** The inputs come first, as they are; then rotations of earlier nodes by one keyed step. */
  struct Node {
    std::int32_t parent;  // -1: an input
    u32 step;
    u32 source;           // input at the root
    bool rotated;         // has children that are used
  };
  struct Term {
    u32 node;
    Plaintexts::Handle plain;
  };
  /** The last of an output is its root, which is not rotated: the output's sum. */
  struct Giant {
    u32 output;
    std::int32_t into;      // index among all giants; -1: a root
    std::vector<u32> via;   // not empty, but for roots
    u32 step;               // total rotation until the output
    std::int32_t lastTributary;  // the last giant that flows into this one; -1: none
    std::vector<Term> terms;
  };
  struct Output {
    u32 root;               // index among all giants
    bool empty;             // no terms at all
    std::vector<std::vector<u32>> reductions;
    Plaintexts::Handle bias;  // null: none
  };
  std::size_t level = 0;
  std::size_t inputs = 0;
  double outputScale = 1;
  std::vector<double> inputScales;  // that the plan expects, so that all products meet
  std::vector<Node> nodes;
  std::vector<Giant> giants;        // children first, output after output
  std::vector<Output> outputs;
};

/**
 * @throws EngineError INTERNAL if the description is malformed, PLAINTEXT_INVALID; MemoryExceeded
 */
LinearPlan planLinear(Workspace& workspace, Plaintexts& plaintexts, const LinearDescription& description);

}  // namespace he
