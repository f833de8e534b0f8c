// Loops over threads: every item once, exceptions, cancellation, nesting, signs of life.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../core/threads.h"
#include "core-check.h"

namespace he::test {
namespace {

void testItems(std::size_t count) {
  Threads threads(count);
  const std::string name = std::to_string(count) + " threads: ";
  check(threads.count() == (count == 0 ? 1 : count), name + "count");
  bool once = true, inRange = true;
  for (const std::size_t items : {0, 1, 2, 3, 17, 1000}) {
    std::vector<std::atomic<int>> seen(items);
    std::atomic<bool> good{true};
    threads.each(items, [&](std::size_t item, std::size_t thread) {
      seen[item]++;
      if (thread >= threads.count()) good = false;
    });
    for (const auto& times : seen) once = once && times == 1;
    inRange = inRange && good;
  }
  check(once, name + "every item once");
  check(inRange, name + "numbers of threads");
  std::atomic<long> sum{0};
  for (int loop = 0; loop < 2000; loop++) threads.each(4, [&](std::size_t item, std::size_t) { sum += static_cast<long>(item); });
  check(sum == 2000 * 6, name + "many short loops");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  sum = 0;
  threads.each(100, [&](std::size_t item, std::size_t) { sum += static_cast<long>(item); });
  check(sum == 4950, name + "after a sleep");
}

void testShared() {
  Threads threads(2);
  std::atomic<int> present{0};
  std::atomic<bool> together{false};
  // Each item waits for the other: done only when two threads are in the loop at once.
  threads.each(2, [&](std::size_t, std::size_t) {
    present++;
    for (int i = 0; i < 5000 && present < 2; i++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (present == 2) together = true;
  });
  check(together, "two items run at the same time");
}

void testExceptions(std::size_t count) {
  Threads threads(count);
  const std::string name = std::to_string(count) + " threads: ";
  for (int round = 0; round < 50; round++) {
    std::atomic<int> inside{0};
    std::atomic<bool> left{true};
    checkThrows<std::logic_error>(
        [&] {
          threads.each(64, [&](std::size_t item, std::size_t) {
            inside++;
            if (item == 5) {
              inside--;
              throw std::logic_error("five");
            }
            inside--;
          });
        },
        name + "an exception of an item");
    left = inside == 0;
    check(left, name + "all have left when it arrives");
  }
  std::atomic<int> done{0};
  threads.each(10, [&](std::size_t, std::size_t) { done++; });
  check(done == 10, name + "works after an exception");
}

void testNesting(std::size_t count) {
  Threads threads(count);
  std::atomic<int> inner{0};
  std::atomic<bool> same{true};
  threads.each(16, [&](std::size_t, std::size_t outer) {
    const auto id = std::this_thread::get_id();
    threads.each(8, [&](std::size_t, std::size_t thread) {
      inner++;
      if (thread != outer || std::this_thread::get_id() != id) same = false;
    });
    threads.each(1, [&](std::size_t, std::size_t thread) {
      if (thread != outer) same = false;
    });
  });
  check(inner == 128, "nested items");
  check(same, "a nested loop stays on its thread and keeps its number");
  checkThrows<std::logic_error>(
      [&] { threads.each(4, [&](std::size_t, std::size_t) { threads.each(4, [](std::size_t, std::size_t) { throw std::logic_error("deep"); }); }); },
      "an exception of a nested item");
  Threads other(2);
  std::atomic<int> both{0};
  threads.each(4, [&](std::size_t, std::size_t outer) {
    other.each(4, [&](std::size_t, std::size_t) { both++; });
    threads.each(2, [&](std::size_t, std::size_t thread) { both += thread == outer ? 0 : 1000; });
  });
  check(both == 16, "a loop of other threads inside");
}

void testControl(std::size_t count) {
  std::atomic<std::int32_t> cancel{0}, heartbeat{0};
  Threads threads(count, {&cancel, &heartbeat});
  threads.each(100, [](std::size_t, std::size_t) {});
  check(heartbeat >= 100, "the heart beats");
  const std::int32_t before = heartbeat;
  threads.checkpoint();
  check(heartbeat > before, "a checkpoint beats too");
  std::atomic<int> done{0};
  checkThrows<Cancelled>(
      [&] {
        threads.each(100000, [&](std::size_t, std::size_t) {
          if (++done == 10) cancel = 1;
        });
      },
      "cancellation");
  check(done < 1000, "a cancelled loop ends soon");
  checkThrows<Cancelled>([&] { threads.checkpoint(); }, "a checkpoint sees it");
  checkThrows<Cancelled>([&] { threads.each(1, [](std::size_t, std::size_t) {}); }, "so does the next loop");
  cancel = 0;
  done = 0;
  threads.each(10, [&](std::size_t, std::size_t) { done++; });
  check(done == 10, "and it goes on when the flag is lowered");
}

void testCallers() {
  Threads threads(2);
  std::atomic<int> sum{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; i++)
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; loop++) threads.each(5, [&](std::size_t, std::size_t) { sum++; });
    });
  for (std::thread& caller : callers) caller.join();
  check(sum == 3000, "several callers take turns");
}

}  // namespace
}  // namespace he::test

int main() {
  using namespace he::test;
  for (const std::size_t count : {0, 1, 2, 3, 5}) testItems(count);
  testShared();
  for (const std::size_t count : {1, 2, 4}) testExceptions(count), testNesting(count), testControl(count);
  testCallers();
  return report("core_threads");
}
