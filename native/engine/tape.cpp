#include "tape.h"

#include <cmath>
#include <optional>
#include <string>

#include "engine-error.h"

namespace he {
namespace {

using Op = TapeStep::Op;

void require(bool condition, const char* what) {
  if (!condition) throw EngineError("INTERNAL", std::string("malformed operation: ") + what);
}

bool usesPlain(Op op) { return op == Op::multiplyPlain || op == Op::multiplyPlainAdd || op == Op::addPlain; }
bool usesRight(Op op) { return op == Op::multiply || op == Op::multiplyPlainAdd || op == Op::add; }

void requireScale(double planned, double natural) {
  require(std::fabs(planned - natural) <= 1e-9 * natural, "the planned scale is not the natural one");
}

class Run {
 public:
  Run(Workspace& workspace, Plaintexts& plaintexts, const Keys& keys, const TapePlan& plan)
      : workspace_(workspace), plaintexts_(plaintexts), keys_(keys), switcher_(workspace), plan_(plan), registers_(plan.registers) {}

  std::vector<Ciphertext> run(std::span<const Ciphertext> inputs);

 private:
  void step(std::size_t number);
  bool mergesRescale(std::size_t number) const;
  const Ciphertext& at(u32 index) const {
    require(registers_[index].has_value(), "a register is empty");
    return *registers_[index];
  }
  void set(u32 index, Ciphertext value);
  /** Queues an operation within limbs; the result has `size` polynomials. */
  void queue(const TapeStep& step, LimbOperation operation, std::size_t size, double scale);
  void flush();
  const Plain* expanded(const Plaintexts::Handle& plain);

  Workspace& workspace_;
  Plaintexts& plaintexts_;
  const Keys& keys_;
  KeySwitcher switcher_;
  const TapePlan& plan_;
  std::vector<std::optional<Ciphertext>> registers_;
  // Operations within limbs wait, so that each limb passes through all of them while it is in the cache.
  std::vector<LimbOperation> waiting_;
  std::vector<Ciphertext> held_;            // operands that registers no longer hold
  std::vector<Plaintexts::Handle> plains_;  // expanded for the time being
};

void Run::set(u32 index, Ciphertext value) {
  if (registers_[index]) held_.push_back(std::move(*registers_[index]));
  registers_[index] = std::move(value);
  if (waiting_.empty()) held_.clear();
}

void Run::flush() {
  if (!waiting_.empty()) {
    std::size_t limbs = 0;
    for (const auto& operation : waiting_) limbs = std::max(limbs, operation.level + 1);
    workspace_.eachLimb(limbs, [&](std::size_t limb, std::size_t thread) {
      for (const auto& operation : waiting_) {
        if (limb <= operation.level) runOnLimb(workspace_.context(), operation, limb, workspace_.spareLimb(thread, 0));
      }
    });
  }
  waiting_.clear();
  held_.clear();
  plains_.clear();
}

const Plain* Run::expanded(const Plaintexts::Handle& plain) {
  if (plain->form != Plain::Form::integers && plain->form != Plain::Form::slots) return plain.get();
  const auto copy = std::make_shared<Plain>();
  copy->form = Plain::Form::limbs;
  copy->request = plain->request;
  copy->limbs = workspace_.limbs(plain->request.level + 1);
  const Integers encoded = plain->form == Plain::Form::slots ? plaintexts_.integersOf(*plain, 0) : Integers();
  const Integers& integers = encoded.words ? encoded : plain->integers;
  workspace_.eachLimb(plain->request.level + 1, [&](std::size_t limb, std::size_t) {
    plaintexts_.expandLimb(*plain, integers, limb, copy->limbs[limb]);
  });
  plains_.push_back(copy);
  return copy.get();
}

void Run::queue(const TapeStep& step, LimbOperation operation, std::size_t size, double scale) {
  const Ciphertext& left = at(step.left);
  operation.level = left.level;
  operation.leftSize = left.size();
  for (std::size_t p = 0; p < left.size(); ++p) operation.left[p] = left.polynomial(p);
  if (usesRight(step.op)) {
    const Ciphertext& right = at(step.right);
    require(right.level == left.level, "levels of the operands differ");
    operation.rightSize = right.size();
    for (std::size_t p = 0; p < right.size(); ++p) operation.right[p] = right.polynomial(p);
  }
  const bool inPlace = step.result == step.left && left.size() == size && left.data.use_count() == 1;
  Ciphertext result = inPlace ? left : NewCiphertext(workspace_, size, left.level, scale).finish();
  result.scale = scale;
  for (std::size_t p = 0; p < size; ++p) operation.result[p] = result.data->polynomials[p].words.data();
  waiting_.push_back(std::move(operation));
  if (inPlace) {
    registers_[step.result] = std::move(result);
  } else {
    set(step.result, std::move(result));
  }
}

bool Run::mergesRescale(std::size_t number) const {
  if (number + 1 >= plan_.steps.size()) return false;
  const TapeStep &first = plan_.steps[number], &second = plan_.steps[number + 1];
  return first.op == Op::relinearize && second.op == Op::rescale && second.left == first.result && second.result == first.result;
}

void Run::step(std::size_t number) {
  const TapeStep& s = plan_.steps[number];
  if (s.op == Op::release) {
    if (registers_[s.result]) held_.push_back(std::move(*registers_[s.result]));
    registers_[s.result].reset();
    if (waiting_.empty()) held_.clear();
    return;
  }
  Ciphertext left = at(s.left);
  const Context& context = workspace_.context();
  LimbOperation operation;
  if (usesPlain(s.op)) {
    const auto& plain = plan_.plains[number];
    require(plain->request.level >= left.level, "the plaintext is of a lower level");
    operation.plain = expanded(plain);
    if (plain->form == Plain::Form::constant && s.op != Op::addPlain) {
      for (std::size_t j = 0; j <= left.level; ++j) operation.constants.push_back(context.field(j).constant(plain->constants[j]));
    }
  }
  // `left` above keeps the operand alive; only the register's own share decides about working in place.
  const auto enqueue = [&](LimbOperation::Kind kind, std::size_t size, double scale) {
    operation.kind = kind;
    left.data.reset();
    queue(s, std::move(operation), size, scale);
  };
  switch (s.op) {
    case Op::copy:
      return set(s.result, left);
    case Op::dropToLevel:
      require(s.argument <= left.level, "a modulus switch upwards");
      return set(s.result, left.atLevel(s.argument));
    case Op::multiply:
      require(left.size() == 2 && at(s.right).size() == 2, "a factor has not been relinearized");
      requireScale(s.scale, left.scale * at(s.right).scale);
      return enqueue(LimbOperation::Kind::multiply, 3, s.scale);
    case Op::multiplyPlain: {
      requireScale(s.scale, left.scale * plan_.plains[number]->request.scale);
      const bool zero = plan_.plains[number]->form == Plain::Form::zero;
      return enqueue(zero ? LimbOperation::Kind::copy : LimbOperation::Kind::multiplyPlain, left.size(), s.scale);
    }
    case Op::multiplyPlainAdd: {
      requireScale(left.scale, at(s.right).scale * plan_.plains[number]->request.scale);
      require(at(s.right).size() <= left.size(), "the product is longer than the sum");
      const bool zero = plan_.plains[number]->form == Plain::Form::zero;
      return enqueue(zero ? LimbOperation::Kind::copy : LimbOperation::Kind::multiplyPlainAdd, left.size(), left.scale);
    }
    case Op::add:
      requireScale(left.scale, at(s.right).scale);
      return enqueue(LimbOperation::Kind::add, std::max(left.size(), at(s.right).size()), left.scale);
    case Op::addPlain:
      requireScale(left.scale, plan_.plains[number]->request.scale);
      return enqueue(LimbOperation::Kind::addPlain, left.size(), left.scale);
    case Op::rotate: {
      require(left.size() == 2, "a rotation before relinearization");
      flush();
      const SwitchingKey& key = keys_.rotation(s.argument, left.level);
      const u64 element = galoisElement(s.argument, context.degree());
      const KeySwitcher::Switch rotation{&key, element};
      const Decomposition decomposition = switcher_.decompose(left.level, left.polynomial(1), element);
      return set(s.result,
                 switcher_.apply(decomposition, {&rotation, 1}, left.polynomial(0), nullptr, left.scale, false).front());
    }
    case Op::relinearize: {
      if (left.size() == 2) return set(s.result, left);
      flush();
      const bool merged = mergesRescale(number);
      double scale = left.scale;
      if (merged) {
        require(left.level >= 1, "a rescale at level 0");
        scale = plan_.steps[number + 1].scale;
        requireScale(scale, left.scale / static_cast<double>(context.field(left.level).modulus()));
      }
      const KeySwitcher::Switch relinearization{&keys_.relinearization(left.level), 1};
      const Decomposition decomposition = switcher_.decompose(left.level, left.polynomial(2));
      return set(s.result, switcher_.apply(decomposition, {&relinearization, 1}, left.polynomial(0), left.polynomial(1), scale,
                                           merged).front());
    }
    case Op::rescale:
      require(left.level >= 1, "a rescale at level 0");
      requireScale(s.scale, left.scale / static_cast<double>(context.field(left.level).modulus()));
      flush();
      return set(s.result, rescale(workspace_, switcher_, left, s.scale));
    case Op::release:
      return;
  }
}

std::vector<Ciphertext> Run::run(std::span<const Ciphertext> inputs) {
  require(inputs.size() == plan_.inputs, "wrong number of inputs");
  for (std::size_t i = 0; i < inputs.size(); ++i) registers_[i] = inputs[i];
  for (std::size_t number = 0; number < plan_.steps.size(); ++number) {
    const bool relinearized = plan_.steps[number].op == Op::relinearize && at(plan_.steps[number].left).size() == 3;
    step(number);
    if (relinearized && mergesRescale(number)) ++number;
  }
  flush();
  std::vector<Ciphertext> outputs;
  for (const u32 index : plan_.outputs) outputs.push_back(at(index));
  return outputs;
}

}  // namespace

TapePlan planTape(Plaintexts& plaintexts, const Context& context, const Tape& tape) {
  require(tape.inputs <= tape.registers, "registers");
  for (const u32 output : tape.outputs) require(output < tape.registers, "output");
  TapePlan plan{tape.inputs, tape.registers, tape.outputs, tape.steps, {}};
  std::vector<PlainRequest> requests;
  std::vector<std::size_t> requesting;
  plan.plains.resize(tape.steps.size());
  for (std::size_t i = 0; i < tape.steps.size(); ++i) {
    const TapeStep& s = tape.steps[i];
    require(s.result < tape.registers && s.left < tape.registers && s.right < tape.registers, "register");
    if (s.op == Op::rotate) require(s.argument < context.degree() / 2, "rotation step");
    if (s.op == Op::dropToLevel) require(s.argument <= context.topLevel(), "level");
    if (!usesPlain(s.op)) continue;
    require(s.argument < tape.plains.size(), "plaintext");
    const TapePlain& plain = tape.plains[s.argument];
    require(plain.level <= context.topLevel(), "level");
    requests.push_back({&plain.value, plain.scale, plain.level, false, s.op != Op::addPlain});
    requesting.push_back(i);
  }
  const auto encoded = plaintexts.prepare(requests, true);
  for (std::size_t i = 0; i < encoded.size(); ++i) plan.plains[requesting[i]] = encoded[i];
  return plan;
}

std::vector<Ciphertext> runTape(Workspace& workspace, Plaintexts& plaintexts, const Keys& keys, const TapePlan& plan,
                                std::span<const Ciphertext> inputs) {
  return Run(workspace, plaintexts, keys, plan).run(inputs);
}

}  // namespace he
