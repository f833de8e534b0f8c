#include "memory.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

namespace he {

namespace {

constexpr std::size_t pageBytes = 4096, hugeBytes = std::size_t{2} << 20, largestRegion = std::size_t{64} << 20, classWords = 1024;

/** Whole multiples of the smallest limb: few classes, and every limb of a context has one to itself. */
std::size_t classOf(std::size_t words) noexcept { return words == 0 ? classWords : (words + classWords - 1) / classWords * classWords; }

#if defined(__unix__) || defined(__APPLE__)
std::byte* map(std::size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(p);
}

/** Starts at a huge page and asks for them: diagonals and keys are gigabytes, and their first touch costs by the page. */
std::byte* mapHuge(std::size_t bytes) {
  std::byte* const start = map(bytes + hugeBytes);
  const std::size_t before = (hugeBytes - reinterpret_cast<std::uintptr_t>(start) % hugeBytes) % hugeBytes;
  if (before != 0) munmap(start, before);
  munmap(start + before + bytes, hugeBytes - before);
#if defined(MADV_HUGEPAGE)
  madvise(start + before, bytes, MADV_HUGEPAGE);  // where it is refused, small pages do
#endif
  return start + before;
}
#endif

/** Straight from the operating system, so that giving back is no hope but a fact. */
std::byte* obtain(std::size_t bytes) {
#if defined(__unix__) || defined(__APPLE__)
  return bytes >= hugeBytes ? mapHuge(bytes) : map(bytes);
#else
  return static_cast<std::byte*>(::operator new(bytes, std::align_val_t{pageBytes}));
#endif
}

void giveBack(std::byte* region, std::size_t bytes) noexcept {
#if defined(__unix__) || defined(__APPLE__)
  munmap(region, bytes);
#else
  static_cast<void>(bytes);
  ::operator delete(region, std::align_val_t{pageBytes});
#endif
}

/** Gives back the pages of a part of a region, which stays. @returns whether that is possible */
bool drop([[maybe_unused]] std::byte* start, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__)
  return madvise(start, bytes, MADV_DONTNEED) == 0;
#else
  return false;
#endif
}

}  // namespace

MemoryExceeded::MemoryExceeded(std::size_t requested, std::size_t used, std::size_t limit)
    : std::runtime_error("memory limit exceeded: " + std::to_string(requested) + " bytes requested, " + std::to_string(used) +
                         " in use, limit " + std::to_string(limit)),
      requested(requested),
      used(used),
      limit(limit) {}

/**
 * Best fit over a few large regions, neighbours joined again when they are free: memory of one size serves another, so that a pool
 * holds little more than was ever in use at a time, and touches new pages seldom.
 */
struct Pool::State {
  using Sizes = std::set<std::pair<std::size_t, std::byte*>>;
  /** Blocks follow each other without gaps from the start of a region to its end. */
  struct Piece {
    std::size_t bytes = 0;
    bool starts = false;    // the first of its region
    bool free = false;
    bool dropped = false;   // free, its pages given back: in nobody's count
    Sizes::node_type node;  // of a piece in use or dropped: kept, so that releasing allocates nothing and cannot fail
  };
  using Pieces = std::map<std::byte*, Piece>;

  mutable std::mutex mutex;
  Pieces pieces;
  Sizes sizes;  // of free pieces that are not dropped
  std::size_t limit = 0, used = 0, held = 0;

  static Sizes::node_type makeNode() {
    Sizes one;
    one.emplace(0, nullptr);
    return one.extract(one.begin());
  }

  void offer(Pieces::iterator at) noexcept {
    Sizes::node_type node = std::move(at->second.node);
    node.value() = {at->second.bytes, at->first};
    sizes.insert(std::move(node));
  }

  void withdraw(Pieces::iterator at) noexcept { at->second.node = sizes.extract({at->second.bytes, at->first}); }

  /** Cuts a piece that is in neither list of free ones: the rest is free. */
  void cut(Pieces::iterator at, std::size_t bytes) {
    if (at->second.bytes == bytes) return;
    Piece rest;
    rest.node = makeNode();
    rest.bytes = at->second.bytes - bytes;
    rest.free = true;
    const auto next = pieces.emplace(at->first + bytes, std::move(rest)).first;
    at->second.bytes = bytes;
    offer(next);
  }

  std::uint64_t* take(std::size_t bytes) {
    const auto fit = sizes.lower_bound({bytes, nullptr});
    if (fit == sizes.end()) return nullptr;
    const auto at = pieces.find(fit->second);
    withdraw(at);
    try {
      cut(at, bytes);
    } catch (...) {
      offer(at);
      throw;
    }
    at->second.free = false;
    used += bytes;
    return reinterpret_cast<std::uint64_t*>(at->first);
  }

  void addRegion(std::size_t bytes) {
    Piece piece;
    piece.node = makeNode();
    piece.bytes = bytes;
    piece.starts = piece.free = true;
    std::byte* const start = obtain(bytes);
    try {
      offer(pieces.emplace(start, std::move(piece)).first);
    } catch (...) {
      giveBack(start, bytes);
      throw;
    }
    held += bytes;
  }

  /** Joins two neighbours, neither of them in `sizes`, if the pages of dropped ones are within the bound. */
  bool join(Pieces::iterator lower, Pieces::iterator upper) noexcept {
    if (lower == pieces.end() || upper == pieces.end() || upper->second.starts) return false;
    if (!lower->second.free || !upper->second.free) return false;
    const std::size_t dropped = (lower->second.dropped ? lower->second.bytes : 0) + (upper->second.dropped ? upper->second.bytes : 0);
    if (dropped > limit - held) return false;
    for (const auto at : {lower, upper})
      if (!at->second.node) withdraw(at);
    held += dropped;
    lower->second.bytes += upper->second.bytes;
    lower->second.dropped = false;
    pieces.erase(upper);
    return true;
  }

  void release(std::byte* start) noexcept {
    auto at = pieces.find(start);
    at->second.free = true;
    used -= at->second.bytes;
    join(at, std::next(at));
    if (at != pieces.begin() && join(std::prev(at), at)) offer(std::prev(pieces.upper_bound(start)));
    else offer(at);
  }

  /** Gives back the pages of everything free, and regions without anything else. */
  void trim() noexcept {
    for (auto at = pieces.begin(); at != pieces.end();) {
      // Free neighbours that could not be joined before are one now.
      for (auto next = std::next(at); join(at, next); next = std::next(at)) {
      }
      const auto next = std::next(at);
      Piece& piece = at->second;
      const bool whole = piece.starts && (next == pieces.end() || next->second.starts);
      if (piece.free) {
        if (!piece.dropped) {
          if (!piece.node) withdraw(at);
          if (whole || drop(at->first, piece.bytes)) {
            piece.dropped = true;
            held -= piece.bytes;
          } else {
            offer(at);
          }
        }
        if (whole) {
          giveBack(at->first, piece.bytes);
          pieces.erase(at);
        }
      }
      at = next;
    }
  }
};

Pool::Pool(std::size_t limitBytes) : state_(std::make_unique<State>()) { state_->limit = limitBytes; }

Pool::~Pool() {
  const State::Pieces& pieces = state_->pieces;
  for (auto at = pieces.begin(); at != pieces.end();) {
    std::byte* const start = at->first;
    std::size_t bytes = 0;
    do bytes += (at++)->second.bytes;
    while (at != pieces.end() && !at->second.starts);
    giveBack(start, bytes);
  }
}

std::uint64_t* Pool::allocate(std::size_t words) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  // Before any arithmetic on the size, which a number near 2^64 would overflow.
  if (words > s.limit / sizeof(std::uint64_t)) throw MemoryExceeded(words > SIZE_MAX / 8 ? SIZE_MAX : words * 8, s.used, s.limit);
  const std::size_t bytes = classOf(words) * sizeof(std::uint64_t);
  if (bytes > s.limit - s.used) throw MemoryExceeded(bytes, s.used, s.limit);
  if (std::uint64_t* const block = s.take(bytes)) return block;
  if (bytes > s.limit - s.held) s.trim();
  // What is free but in pieces too small could not be given back here: the bound is on pages, and they count.
  if (bytes > s.limit - s.held) throw MemoryExceeded(bytes, s.held, s.limit);
  // More as the pool grows, so that small ones stay small.
  const std::size_t region = std::clamp(s.held / 4 / hugeBytes * hugeBytes, hugeBytes, largestRegion);
  s.addRegion(std::max(bytes, std::min(region, s.limit - s.held)));
  return s.take(bytes);
}

void Pool::release(std::uint64_t* block, std::size_t) noexcept {
  if (block == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  state_->release(reinterpret_cast<std::byte*>(block));
}

void Pool::trim() noexcept {
  const std::lock_guard lock(state_->mutex);
  state_->trim();
}

std::size_t Pool::bytesInUse() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->used;
}

std::size_t Pool::bytesHeld() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->held;
}

std::size_t Pool::limit() const noexcept { return state_->limit; }

Block::Block(Pool& pool, std::size_t words, bool wipe) : pool_(&pool), data_(pool.allocate(words)), words_(words), wipe_(wipe) {}

Block::Block(Block&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      words_(std::exchange(other.words_, 0)),
      wipe_(other.wipe_) {}

Block& Block::operator=(Block&& other) noexcept {
  Block moved(std::move(other));
  std::swap(pool_, moved.pool_);
  std::swap(data_, moved.data_);
  std::swap(words_, moved.words_);
  std::swap(wipe_, moved.wipe_);
  return *this;
}

Block::~Block() {
  if (data_ == nullptr) return;
  if (wipe_) {
    volatile std::uint64_t* p = data_;
    for (std::size_t i = 0; i < words_; i++) p[i] = 0;
  }
  pool_->release(data_, words_);
}

}  // namespace he
