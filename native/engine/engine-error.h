#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace he {

/** A call that the engine's state does not allow (a key is missing, levels differ); the caller's plan is wrong. */
class EngineError : public std::runtime_error {
 public:
  EngineError(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  const std::string code;  // "KEY_MISSING", "KEY_INVALID", "CIPHERTEXT_INVALID", "PLAINTEXT_INVALID", "INTERNAL"
};

}  // namespace he
