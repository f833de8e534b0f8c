#include "engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "linear.h"

namespace he {

struct Engine::State {
  State(std::shared_ptr<const Context> ready, const EngineOptions& options)
      : context(ready),
        workspace(std::move(ready), options.memoryLimitBytes, options.threads, options.control),
        plaintexts(workspace, options.plaintextCacheBytes, options.expectedPlaintexts),
        switcher(workspace),
        linear(workspace, plaintexts, keys) {}

  const Ciphertext& at(Handle handle) const {
    const auto found = ciphertexts.find(handle);
    if (found == ciphertexts.end()) throw EngineError("INTERNAL", "no ciphertext has this handle");
    return found->second;
  }
  Handle keep(Ciphertext ciphertext) {
    ciphertexts.emplace(nextHandle, std::move(ciphertext));
    return nextHandle++;
  }
  std::vector<Ciphertext> gather(std::span<const Handle> handles) const {
    std::vector<Ciphertext> result;
    for (const Handle handle : handles) result.push_back(at(handle));
    return result;
  }
  std::vector<Handle> keepAll(std::vector<Ciphertext> results) {
    std::vector<Handle> handles;
    for (auto& result : results) handles.push_back(keep(std::move(result)));
    return handles;
  }

  // In this order: what holds memory goes before the pool in the workspace does.
  std::shared_ptr<const Context> context;
  Workspace workspace;
  Plaintexts plaintexts;
  Keys keys;
  KeySwitcher switcher;
  LinearEvaluator linear;
  std::unordered_map<Handle, Ciphertext> ciphertexts;
  std::unordered_map<u32, LinearPlan> linears;
  std::unordered_map<u32, TapePlan> tapes;
  Handle nextHandle = 1;
  u32 nextPlan = 1;
};

Engine::Engine(std::shared_ptr<const Context> context, const EngineOptions& options)
    : state_(std::make_unique<State>(std::move(context), options)) {}
Engine::~Engine() = default;

const Context& Engine::context() const noexcept { return *state_->context; }

void Engine::loadRotationKey(u32 step, format::Bytes bytes) {
  const std::size_t degree = context().degree();
  if (step >= degree / 2) throw EngineError("KEY_INVALID", "a rotation step is out of range");
  const u64 element = galoisElement(step, degree);
  auto data = format::readSwitchingKey(context(), state_->workspace.pool(), bytes, (element - 1) / 2, &threads());
  state_->keys.addRotation(step, prepareKey(state_->workspace, std::move(data), element));
}

void Engine::loadRelinearizationKey(format::Bytes bytes) {
  auto data = format::readSwitchingKey(context(), state_->workspace.pool(), bytes, 0, &threads());
  state_->keys.setRelinearization(prepareKey(state_->workspace, std::move(data), 1));
}

void Engine::loadRaiseKeys(format::Bytes encapsulation, format::Bytes decapsulation) {
  Workspace& workspace = state_->workspace;
  EncapsulationKey narrow(workspace, format::readEncapsulationKey(context(), workspace.pool(), encapsulation, &threads()));
  DecapsulationKey wide(workspace, format::readDecapsulationKey(context(), workspace.pool(), decapsulation, &threads()));
  state_->keys.setRaise({std::move(narrow), std::move(wide)});
}

Engine::Handle Engine::load(format::Bytes bytes) {
  auto ciphertext = format::readCiphertext(context(), state_->workspace.pool(), bytes, &threads());
  bool transparent = true;
  for (std::size_t p = 1; p < ciphertext.polynomials.size(); ++p) {
    const u64* const words = ciphertext.polynomials[p].words.data();
    const std::size_t count = ciphertext.polynomials[p].limbs * context().degree();
    transparent = transparent && std::all_of(words, words + count, [](u64 word) { return word == 0; });
  }
  if (transparent) throw EngineError("CIPHERTEXT_INVALID", "the ciphertext is transparent: it hides nothing");
  return adopt(std::move(ciphertext));
}

Engine::Handle Engine::adopt(format::CiphertextData ciphertext) {
  const std::size_t level = ciphertext.level;
  const double scale = ciphertext.scale;
  return state_->keep({level, scale, std::make_shared<format::CiphertextData>(std::move(ciphertext))});
}

std::vector<std::uint8_t> Engine::store(Handle handle) const {
  const Ciphertext& ciphertext = state_->at(handle);
  if (ciphertext.data->level == ciphertext.level && ciphertext.data->scale == ciphertext.scale) {
    return format::writeCiphertext(context(), *ciphertext.data);
  }
  const NewCiphertext copy(state_->workspace, ciphertext.size(), ciphertext.level, ciphertext.scale);
  for (std::size_t p = 0; p < ciphertext.size(); ++p) {
    std::memcpy(copy.limb(p, 0), ciphertext.polynomial(p), (ciphertext.level + 1) * context().degree() * sizeof(u64));
  }
  return format::writeCiphertext(context(), *copy.data);
}

std::size_t Engine::levelOf(Handle handle) const { return state_->at(handle).level; }
double Engine::scaleOf(Handle handle) const { return state_->at(handle).scale; }

void Engine::setScale(Handle handle, double scale) {
  state_->at(handle);
  if (!(scale > 0)) throw EngineError("INTERNAL", "a scale must be positive");
  state_->ciphertexts[handle].scale = scale;
}

std::size_t Engine::polynomialsOf(Handle handle) const { return state_->at(handle).size(); }
void Engine::free(Handle handle) noexcept { state_->ciphertexts.erase(handle); }
std::size_t Engine::liveHandles() const noexcept { return state_->ciphertexts.size(); }

Engine::Handle Engine::run(const TapeStep& step, Handle left, Handle right, const TapePlain* plain) {
  if (step.op == TapeStep::Op::release) throw EngineError("INTERNAL", "handles are released by free");
  Tape tape;
  tape.inputs = 2;
  tape.registers = 3;
  tape.outputs = {2};
  TapeStep only = step;
  only.left = 0;
  only.right = 1;
  only.result = 2;
  if (plain != nullptr) {
    tape.plains.push_back(*plain);
    only.argument = 0;
  }
  tape.steps.push_back(only);
  const bool binary = step.op == TapeStep::Op::multiply || step.op == TapeStep::Op::multiplyPlainAdd || step.op == TapeStep::Op::add;
  const std::vector<Ciphertext> inputs{state_->at(left), state_->at(binary ? right : left)};
  const TapePlan plan = planTape(state_->plaintexts, context(), tape);
  return state_->keepAll(runTape(state_->workspace, state_->plaintexts, state_->keys, plan, inputs)).front();
}

u32 Engine::prepareLinear(const LinearDescription& description) {
  state_->linears.emplace(state_->nextPlan, planLinear(state_->workspace, state_->plaintexts, description));
  return state_->nextPlan++;
}

std::vector<Engine::Handle> Engine::linear(u32 prepared, std::span<const Handle> inputs) {
  const auto found = state_->linears.find(prepared);
  if (found == state_->linears.end()) throw EngineError("INTERNAL", "no such linear transform");
  return state_->keepAll(state_->linear.run(found->second, state_->gather(inputs)));
}

void Engine::forgetLinear(u32 prepared) noexcept { state_->linears.erase(prepared); }

Engine::Handle Engine::raise(Handle low, double scale) {
  const Ciphertext& ciphertext = state_->at(low);
  if (ciphertext.size() != 2) throw EngineError("INTERNAL", "only two polynomials can be raised: relinearize first");
  if (!std::isfinite(scale) || !(scale > 0)) throw EngineError("INTERNAL", "a scale must be positive");
  return state_->keep(raiseModulus(state_->workspace, state_->keys.raise(), ciphertext, scale));
}

u32 Engine::prepareTape(const Tape& tape) {
  state_->tapes.emplace(state_->nextPlan, planTape(state_->plaintexts, context(), tape));
  return state_->nextPlan++;
}

std::vector<Engine::Handle> Engine::run(u32 prepared, std::span<const Handle> inputs) {
  const auto found = state_->tapes.find(prepared);
  if (found == state_->tapes.end()) throw EngineError("INTERNAL", "no such tape");
  return state_->keepAll(runTape(state_->workspace, state_->plaintexts, state_->keys, found->second, state_->gather(inputs)));
}

void Engine::forgetTape(u32 prepared) noexcept { state_->tapes.erase(prepared); }

Pool& Engine::pool() noexcept { return state_->workspace.pool(); }
Threads& Engine::threads() noexcept { return state_->workspace.threads(); }
std::size_t Engine::memoryBytes() const noexcept { return state_->workspace.pool().bytesHeld(); }
std::size_t Engine::memoryInUse() const noexcept { return state_->workspace.pool().bytesInUse(); }
std::size_t Engine::cachedPlaintextBytes() const noexcept { return state_->plaintexts.cachedBytes(); }

}  // namespace he
