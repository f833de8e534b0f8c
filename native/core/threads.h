/** A fixed set of threads for loops over limbs, with cancellation and signs of life. */
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>

namespace he {

/** The caller asked to stop. Becomes CANCELLED in JavaScript. */
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

/** Words shared with JavaScript (Int32Array over a SharedArrayBuffer); either may be null. */
struct Control {
  std::atomic<std::int32_t>* cancel = nullptr;     // not 0: stop
  std::atomic<std::int32_t>* heartbeat = nullptr;  // incremented as work goes on
};

/**
 * Runs loops on `threads` threads, the calling one among them. One loop at a time; nested loops run on the calling thread. Between
 * items each thread beats the heart and looks at `cancel`. The first exception of any item ends the loop and is thrown to
 * the caller after all threads have left it.
 */
class Threads {
 public:
  explicit Threads(std::size_t threads, Control control = {});
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  std::size_t count() const noexcept;
  /** body(item, thread) for item in [0, items), in any order. */
  void each(std::size_t items, const std::function<void(std::size_t item, std::size_t thread)>& body);
  /** @throws Cancelled */
  void checkpoint();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace he
