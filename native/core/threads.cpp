#include "threads.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace he {

namespace {

/** Loops follow one another closely: a worker looks for the next one this often before it sleeps. */
constexpr int looksBeforeSleep = 4000;

void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/** The loop that this thread is in, and its number there: a nested loop keeps the number, and with it the scratch memory. */
struct Position {
  const void* owner = nullptr;
  std::size_t thread = 0;
};
thread_local Position position;

class Entered {
 public:
  Entered(const void* owner, std::size_t thread) noexcept : outer_(std::exchange(position, Position{owner, thread})) {}
  ~Entered() { position = outer_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  const Position outer_;
};

}  // namespace

struct Threads::State {
  using Body = std::function<void(std::size_t, std::size_t)>;

  explicit State(Control c) : control(c) {}

  void beat() {
    if (control.heartbeat != nullptr) control.heartbeat->fetch_add(1, std::memory_order_relaxed);
    if (control.cancel != nullptr && control.cancel->load(std::memory_order_relaxed) != 0) throw Cancelled();
  }

  void share(std::size_t thread) noexcept {
    const Entered entered(this, thread);
    try {
      for (std::size_t item; !failed.load(std::memory_order_relaxed) && (item = next.fetch_add(1)) < items;) {
        beat();
        (*body)(item, thread);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      failed = true;
    }
  }

  void serial(std::size_t count, std::size_t thread, const Body& run) {
    for (std::size_t item = 0; item < count; item++) {
      beat();
      run(item, thread);
    }
  }

  /** The number of the next loop, or 0 when the threads are to end. */
  std::uint64_t await(std::uint64_t seen) {
    for (int i = 0; i < looksBeforeSleep; i++) {
      const std::uint64_t now = loop.load(std::memory_order_acquire);
      if (now != seen) return now;
      relax();
    }
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return loop.load(std::memory_order_acquire) != seen; });
    return loop.load(std::memory_order_acquire);
  }

  void work(std::size_t thread) {
    for (std::uint64_t seen = 1; (seen = await(seen)) != 0;) {
      share(thread);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex);
        done.notify_one();
      }
    }
  }

  void announce(std::uint64_t number) {
    {
      const std::lock_guard lock(mutex);
      loop.store(number, std::memory_order_release);
    }
    wake.notify_all();
  }

  void finish() {
    for (int i = 0; i < looksBeforeSleep; i++) {
      if (running.load(std::memory_order_acquire) == 0) return;
      relax();
    }
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return running.load(std::memory_order_acquire) == 0; });
  }

  const Control control;
  std::mutex caller, mutex;
  std::condition_variable wake, done;
  std::atomic<std::uint64_t> loop{1};
  std::atomic<std::size_t> next{0}, running{0};
  std::atomic<bool> failed{false};
  std::size_t items = 0;
  const Body* body = nullptr;
  std::exception_ptr error;
  std::vector<std::thread> workers;
};

Threads::Threads(std::size_t threads, Control control) : state_(std::make_unique<State>(control)) {
  State& s = *state_;
  try {
    for (std::size_t i = 1; i < threads; i++) s.workers.emplace_back([&s, i] { s.work(i); });
  } catch (...) {
    s.announce(0);
    for (std::thread& worker : s.workers) worker.join();
    throw;
  }
}

Threads::~Threads() {
  state_->announce(0);
  for (std::thread& worker : state_->workers) worker.join();
}

std::size_t Threads::count() const noexcept { return state_->workers.size() + 1; }

void Threads::each(std::size_t items, const std::function<void(std::size_t item, std::size_t thread)>& body) {
  State& s = *state_;
  if (position.owner == &s) return s.serial(items, position.thread, body);
  if (items == 0) return;
  const std::lock_guard oneAtATime(s.caller);
  if (s.workers.empty() || items == 1) {
    const Entered entered(&s, 0);
    return s.serial(items, 0, body);
  }
  s.items = items;
  s.body = &body;
  s.next = 0;
  s.failed = false;
  s.error = nullptr;
  s.running = s.workers.size();
  s.announce(s.loop.load() + 1);
  s.share(0);
  s.finish();
  s.body = nullptr;
  if (s.error) std::rethrow_exception(std::exchange(s.error, nullptr));
}

void Threads::checkpoint() { state_->beat(); }

}  // namespace he
