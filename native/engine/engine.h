/**
 * Evaluates CKKS programs with public material only: evaluation keys and ciphertexts. There is no type for a secret key here.
 * Not thread-safe itself: one caller at a time, who may be on any thread; it uses its own threads inside.
 */
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../core/memory.h"
#include "../core/threads.h"
#include "../format/seal.h"
#include "context.h"
#include "engine-error.h"
#include "linear-plan.h"
#include "tape.h"

namespace he {

struct EngineOptions {
  std::size_t memoryLimitBytes = 0;
  std::size_t plaintextCacheBytes = 0;  // of the memory limit: encoded plaintexts
  std::size_t threads = 1;
  Control control;
  std::size_t expectedPlaintexts = 0;   // different ones to come: room for their small form is kept free in the cache
};

class Engine {
 public:
  using Handle = std::uint32_t;

  Engine(std::shared_ptr<const Context> context, const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Context& context() const noexcept;

  /** `step` in 1 ... N/2-1, or 0 for complex conjugation. A key replaces an earlier one. @throws FormatError, MemoryExceeded */
  void loadRotationKey(u32 step, format::Bytes bytes);
  void loadRelinearizationKey(format::Bytes bytes);
  /** Of bootstrapping: see `raiseModulus`. @throws FormatError, MemoryExceeded */
  void loadRaiseKeys(format::Bytes encapsulation, format::Bytes decapsulation);
  /** @throws FormatError, MemoryExceeded, EngineError CIPHERTEXT_INVALID if it hides nothing (all but the first polynomial 0) */
  Handle load(format::Bytes bytes);
  /** Takes over a ciphertext that has been made here, e.g. by public-key encryption into this engine's pool. */
  Handle adopt(format::CiphertextData ciphertext);
  std::vector<std::uint8_t> store(Handle handle) const;
  std::size_t levelOf(Handle handle) const;
  double scaleOf(Handle handle) const;
  /** Replaces the scale by the planned one, which a float in a file may miss by rounding. */
  void setScale(Handle handle, double scale);
  std::size_t polynomialsOf(Handle handle) const;
  /** Unknown handles are ignored. */
  void free(Handle handle) noexcept;
  std::size_t liveHandles() const noexcept;

  /** A primitive operation as SEAL defines it (bit for bit in its shape); a new handle. `right` and `plain` where it has them. */
  Handle run(const TapeStep& step, Handle left, Handle right, const TapePlain* plain);

  /** Checks and keeps a linear transform; diagonals are encoded as far as the cache's bound goes, the others when used. */
  u32 prepareLinear(const LinearDescription& description);
  /** Inputs are dropped to the transform's level first; results are rescaled and carry the bias. */
  std::vector<Handle> linear(u32 prepared, std::span<const Handle> inputs);
  void forgetLinear(u32 prepared) noexcept;

  /**
   * Reads two polynomials modulo q_0 modulo the whole chain: m becomes m + q_0 I, at the level of the keys.
   * @param scale that the result is declared to have
   */
  Handle raise(Handle low, double scale);

  u32 prepareTape(const Tape& tape);
  std::vector<Handle> run(u32 prepared, std::span<const Handle> inputs);
  void forgetTape(u32 prepared) noexcept;

  Pool& pool() noexcept;
  Threads& threads() noexcept;
  /** Held of the memory limit. */
  std::size_t memoryBytes() const noexcept;
  /** Of it in use, not kept for re-use. */
  std::size_t memoryInUse() const noexcept;
  std::size_t cachedPlaintextBytes() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace he
