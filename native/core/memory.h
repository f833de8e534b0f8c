/** Aligned memory from a bounded pool: limbs are recycled by size, nothing is allocated in inner loops. */
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace he {

/** The bound of the pool would be exceeded. Becomes MEMORY_EXCEEDED in JavaScript. */
class MemoryExceeded : public std::runtime_error {
 public:
  MemoryExceeded(std::size_t requested, std::size_t used, std::size_t limit);
  const std::size_t requested, used, limit;
};

/** Thread-safe. Blocks are 4096-byte aligned, their sizes rounded up to whole limbs; neighbours that are free become one. */
class Pool {
 public:
  explicit Pool(std::size_t limitBytes);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /** Uninitialised memory. @throws MemoryExceeded */
  std::uint64_t* allocate(std::size_t words);
  void release(std::uint64_t* block, std::size_t words) noexcept;
  /** Given back to the operating system where the pool holds more than it needs. */
  void trim() noexcept;

  std::size_t bytesInUse() const noexcept;
  /** In use and kept for re-use. */
  std::size_t bytesHeld() const noexcept;
  std::size_t limit() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/** Owns one block. Movable. `wipe` overwrites with zeros, in a way that the compiler may not remove, before release. */
class Block {
 public:
  Block() noexcept = default;
  Block(Pool& pool, std::size_t words, bool wipe = false);
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  ~Block();
  std::uint64_t* data() const noexcept { return data_; }
  std::size_t words() const noexcept { return words_; }
  explicit operator bool() const noexcept { return data_ != nullptr; }

 private:
  Pool* pool_ = nullptr;
  std::uint64_t* data_ = nullptr;
  std::size_t words_ = 0;
  bool wipe_ = false;
};

}  // namespace he
