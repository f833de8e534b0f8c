#include "linear.h"

#include <cmath>

#include "linear-evaluation.h"

namespace he {

std::vector<Ciphertext> LinearEvaluation::run() {
  {
    const Stopwatch stopwatch(timer(&LinearTimes::decompose));
    makePoints();
  }
  std::vector<Ciphertext> results(plan_.outputs.size());
  for (std::size_t first = 0; first < plan_.giants.size();) {
    Block block = makeBlock(first);
    encodeSlots(block);
    multiplyBlock(block);
    for (std::size_t g = block.first; g < block.last; ++g) {
      if (plan_.giants[g].into != -1) {
        const Stopwatch stopwatch(timer(&LinearTimes::giants));
        rotateGiant(block, g);
      } else {
        const Stopwatch stopwatch(timer(&LinearTimes::finish));
        results[plan_.giants[g].output] = finishOutput(plan_.giants[g].output);
      }
    }
    first = block.last;
  }
  if (times_ != nullptr) {
    for (const auto& t : threadTimes_) {
      times_->babies += t.babies;
      times_->products += t.products;
    }
  }
  return results;
}

std::vector<Ciphertext> LinearEvaluator::run(const LinearPlan& plan, std::span<const Ciphertext> inputs,
                                             LinearTimes* times) {
  if (inputs.size() != plan.inputs) throw EngineError("INTERNAL", "wrong number of inputs of a linear transform");
  std::vector<Ciphertext> lowered;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Ciphertext& input = inputs[i];
    if (input.size() != 2) throw EngineError("INTERNAL", "a linear transform needs relinearized inputs");
    if (input.level < plan.level) throw EngineError("INTERNAL", "an input of a linear transform is below its level");
    if (std::fabs(input.scale - plan.inputScales[i]) > 1e-9 * plan.inputScales[i]) {
      throw EngineError("INTERNAL", "an input of a linear transform has another scale than planned");
    }
    lowered.push_back(input.atLevel(plan.level));
  }
  return LinearEvaluation(workspace_, plaintexts_, keys_, switcher_, plan, lowered, times).run();
}

}  // namespace he
