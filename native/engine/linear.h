/**
 * Double-hoisted baby-step giant-step (Bossuat, Mouchet, Troncoso-Pastoriza and Hubaux, EUROCRYPT 2021, algorithm 6): each input is
 * decomposed once for all its rotations, products are summed in the extended basis, each giant step divides by P once, and the
 * output's last division is that of the rescale too. The first polynomial of a sum needs no key switch of its own, so it
 * goes straight to the output, moved by the giant's total rotation; only second polynomials are kept per giant.
 */
#pragma once
#include "keys.h"
#include "linear-plan.h"

namespace he {

/** Seconds spent in the stages of a transform; those of several threads are added up in `babies` and `products`. */
struct LinearTimes {
  double decompose = 0, babies = 0, products = 0, giants = 0, finish = 0;
};

class LinearEvaluator {
 public:
  LinearEvaluator(Workspace& workspace, Plaintexts& plaintexts, const Keys& keys)
      : workspace_(workspace), plaintexts_(plaintexts), keys_(keys), switcher_(workspace) {}

  /** @param times null, or where the stages' times are added. @throws EngineError, MemoryExceeded, Cancelled */
  std::vector<Ciphertext> run(const LinearPlan& plan, std::span<const Ciphertext> inputs, LinearTimes* times = nullptr);

 private:
  Workspace& workspace_;
  Plaintexts& plaintexts_;
  const Keys& keys_;
  KeySwitcher switcher_;
};

}  // namespace he
