// The pool: bounds, re-use, alignment, wiping, several threads.
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "../core/memory.h"
#include "core-check.h"

namespace he::test {
namespace {

void testBounds() {
  Pool pool(1 << 20);  // 128 Ki words
  check(pool.limit() == 1 << 20 && pool.bytesInUse() == 0 && pool.bytesHeld() == 0, "an empty pool");
  {
    const Block a(pool, 65536), b(pool, 65536);
    check(pool.bytesInUse() == 1 << 20, "the bound can be used up");
    checkThrows<MemoryExceeded>([&] { Block(pool, 1); }, "beyond the bound");
    try {
      Block(pool, 1000);
    } catch (const MemoryExceeded& e) {
      check(e.limit == 1 << 20 && e.used == 1 << 20 && e.requested >= 8000, "the error tells numbers");
    }
  }
  check(pool.bytesInUse() == 0 && pool.bytesHeld() == 1 << 20, "released blocks are kept");
  {
    const Block c(pool, 131072);
    check(pool.bytesHeld() == 1 << 20, "kept blocks of other sizes give way");
  }
  for (const std::size_t words : {std::size_t{131073}, std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 8 + 1,
                                  std::size_t{1} << 61})
    checkThrows<MemoryExceeded>([&] { Block(pool, words); }, "sizes that would overflow");
  pool.trim();
  check(pool.bytesHeld() == 0, "trim gives everything back");
  check(pool.bytesInUse() == 0, "nothing is in use in the end");
}

void testBlocks() {
  Pool pool(8 << 20);
  for (const std::size_t words : {0, 1, 7, 1024, 4096, 8192, 32768, 131072}) {
    const Block block(pool, words);
    check(reinterpret_cast<std::uintptr_t>(block.data()) % (words >= 8192 ? 4096 : 64) == 0, "alignment of " + std::to_string(words));
    for (std::size_t i = 0; i < words; i++) block.data()[i] = i;
  }
  Block a(pool, 5000);
  u64* const first = a.data();
  Block b(std::move(a));
  check(!a && a.data() == nullptr && b.data() == first && b.words() == 5000, "move");
  b = Block(pool, 6000);
  check(b.data() != first && b.words() == 6000, "move assignment");
  Block c(pool, 5000);
  check(c.data() == first, "what was released comes back");
  Block& same = c;
  c = std::move(same);
  check(c.data() == first, "assignment to itself");
}

/** What is free in pieces between blocks in use serves other sizes, within the bound on pages. */
void testPieces() {
  constexpr std::size_t limit = std::size_t{16} << 20, words = 65536;  // 32 blocks of half a mebibyte
  Pool pool(limit);
  std::vector<Block> blocks;
  for (int i = 0; i < 32; i++) {
    blocks.emplace_back(pool, words);
    blocks.back().data()[words - 1] = static_cast<u64>(i);
  }
  for (std::size_t i = 0; i < 32; i += 2) blocks[i] = Block();
  check(pool.bytesInUse() == limit / 2 && pool.bytesHeld() == limit, "half of it is free");
  {
    const Block quarter(pool, limit / 4 / sizeof(u64));
    check(pool.bytesHeld() <= limit, "a block larger than any piece");
    quarter.data()[0] = quarter.data()[quarter.words() - 1] = 1;
    for (std::size_t i = 0; i < 32; i += 4) blocks[i] = Block(pool, words);
    check(pool.bytesHeld() <= limit, "and as much again in small ones");
    checkThrows<MemoryExceeded>([&] { Block(pool, 1); }, "then nothing is left");
    bool kept = true;
    for (std::size_t i = 1; i < 32; i += 2) kept = kept && blocks[i].data()[words - 1] == i;
    check(kept, "what is in use stays as it is");
  }
  blocks.clear();
  check(pool.bytesInUse() == 0 && pool.bytesHeld() <= limit, "all came back");
  const Block whole(pool, limit / sizeof(u64));
  check(pool.bytesInUse() == limit && pool.bytesHeld() == limit, "all of it in one block");
}

void testWipe() {
  Pool pool(1 << 20);
  u64* place;
  {
    const Block secret(pool, 2048, true);
    place = secret.data();
    for (std::size_t i = 0; i < 2048; i++) place[i] = 0x5ec2e7;
  }
  const Block again(pool, 2048);
  check(again.data() == place, "the block comes back");
  bool clear = true;
  for (std::size_t i = 1; i < 2048; i++) clear = clear && place[i] == 0;  // the first word held the pool's link
  check(clear && place[0] != 0x5ec2e7, "nothing of it is left");
}

void testThreads() {
  Pool pool(64 << 20);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < 4; t++)
    threads.emplace_back([&, t] {
      Random random(t + 1);
      std::vector<Block> mine;
      for (int i = 0; i < 2000; i++) {
        if (mine.size() > 8 || (random.next() % 3 == 0 && !mine.empty())) {
          const Block& last = mine.back();
          for (std::size_t k = 0; k < last.words(); k += 512) wrong[t] += last.data()[k] != t;
          mine.pop_back();
          continue;
        }
        mine.emplace_back(pool, 1 + random.below(20000));
        for (std::size_t k = 0; k < mine.back().words(); k += 512) mine.back().data()[k] = t;
        if (i % 500 == 0) pool.trim();
      }
    });
  for (std::thread& thread : threads) thread.join();
  check(wrong[0] + wrong[1] + wrong[2] + wrong[3] == 0, "no block has two owners");
  check(pool.bytesInUse() == 0, "all blocks came back");
}

}  // namespace
}  // namespace he::test

int main() {
  using namespace he::test;
  testBounds();
  testBlocks();
  testPieces();
  testWipe();
  testThreads();
  return report("core_memory");
}
