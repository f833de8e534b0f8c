/** The evaluation keys of an engine, by rotation step. */
#pragma once
#include <optional>
#include <string>
#include <unordered_map>

#include "engine-error.h"
#include "raise.h"

namespace he {

class Keys {
 public:
  void addRotation(u32 step, SwitchingKey key) { rotations_.insert_or_assign(step, std::move(key)); }
  void setRelinearization(SwitchingKey key) { relinearization_ = std::move(key); }

  void setRaise(RaiseKeys keys) { raise_ = std::move(keys); }

  /** @throws EngineError KEY_MISSING */
  const RaiseKeys& raise() const {
    if (!raise_) throw EngineError("KEY_MISSING", "the evaluation keys lack those of bootstrapping");
    return *raise_;
  }
  const SwitchingKey& rotation(u32 step, std::size_t level) const {
    const auto found = rotations_.find(step);
    const SwitchingKey* const key = found == rotations_.end() ? nullptr : &found->second;
    if (key == nullptr || key->level() < level) fail(key, "a key for rotation step " + std::to_string(step), level);
    return *key;
  }
  const SwitchingKey& relinearization(std::size_t level) const {
    const SwitchingKey* const key = relinearization_ ? &*relinearization_ : nullptr;
    if (key == nullptr || key->level() < level) fail(key, "a relinearization key", level);
    return *key;
  }

 private:
  [[noreturn]] static void fail(const SwitchingKey* key, const std::string& what, std::size_t level) {
    if (key == nullptr) throw EngineError("KEY_MISSING", "the evaluation keys lack " + what);
    throw EngineError("KEY_MISSING", "the evaluation keys have " + what + " up to level " + std::to_string(key->level()) +
                                         " only, but level " + std::to_string(level) + " is needed");
  }

  std::unordered_map<u32, SwitchingKey> rotations_;
  std::optional<SwitchingKey> relinearization_;
  std::optional<RaiseKeys> raise_;
};

}  // namespace he
