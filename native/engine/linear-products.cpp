/** Sums of diagonals times rotated inputs, limb by limb, several giants at a time. */
#include <algorithm>
#include <bit>

#include "linear-evaluation.h"

namespace he {
namespace {

constexpr std::size_t noPlace = SIZE_MAX, mostWaiting = 64;

/** Terms that wait for the next sum: their plaintexts, as words or packed, and the values that these multiply. */
struct Waiting {
  std::array<const u64*, mostWaiting> x, y0, y1;
  std::size_t count = 0;

  void add(const u64* plaintext, const u64* value0, const u64* value1) {
    x[count] = plaintext;
    y0[count] = value0;
    y1[count] = value1;
    ++count;
  }
};

}  // namespace

std::size_t LinearEvaluation::blockLength(std::size_t first) const {
  const std::size_t limbBytes = degree_ * sizeof(u64);
  const Pool& pool = workspace_.pool();
  const std::size_t free = (pool.limit() - std::min(pool.limit(), pool.bytesInUse())) / limbBytes;
  const std::size_t threads = workspace_.threads().count();
  // What else a block needs: values of all nodes in every thread, one output, a giant on its way (its halves, digits, and where it goes).
  const std::size_t fixed = threads * (2 * plan_.nodes.size() + expansions) + 12 * extended_;
  std::size_t room = free > fixed ? free - fixed : 0;
  std::size_t count = 0;
  for (std::size_t g = first; g < plan_.giants.size() && count < 64; ++g, ++count) {
    // Its sum, and what its plaintexts take until they are used where none of them is kept encoded.
    std::size_t need = 2 * extended_ + threads;
    for (const auto& term : plan_.giants[g].terms) need += term.plain->form == Plain::Form::slots ? 1 : 0;
    if (need > room) break;
    room -= need;
  }
  return std::max<std::size_t>(count, 1);
}

LinearEvaluation::Block LinearEvaluation::makeBlock(std::size_t first) {
  Block block{first, first + blockLength(first), {}, std::vector<std::size_t>(plan_.nodes.size(), noPlace), {}};
  for (std::size_t g = block.first; g < block.last; ++g) {
    for (const auto& term : plan_.giants[g].terms) block.nodes.push_back(term.node);
  }
  // Nodes of one parent follow each other, so that its digits are made once.
  const auto byParent = [&](u32 a, u32 b) { return std::pair(plan_.nodes[a].parent, a) < std::pair(plan_.nodes[b].parent, b); };
  std::sort(block.nodes.begin(), block.nodes.end(), byParent);
  block.nodes.erase(std::unique(block.nodes.begin(), block.nodes.end()), block.nodes.end());
  for (std::size_t i = 0; i < block.nodes.size(); ++i) block.place[block.nodes[i]] = i;
  return block;
}

void LinearEvaluation::encodeSlots(Block& block) {
  std::vector<const Plain*> needed;
  for (std::size_t g = block.first; g < block.last; ++g) {
    for (const auto& term : plan_.giants[g].terms) {
      if (term.plain->form != Plain::Form::slots) continue;
      if (block.integers.try_emplace(term.plain.get()).second) needed.push_back(term.plain.get());
    }
  }
  std::vector<Integers> encoded(needed.size());
  workspace_.threads().each(needed.size(), [&](std::size_t i, std::size_t thread) {
    encoded[i] = plaintexts_.integersOf(*needed[i], thread);
  });
  for (std::size_t i = 0; i < needed.size(); ++i) block.integers[needed[i]] = std::move(encoded[i]);
}

bool LinearEvaluation::isExpanded(std::size_t giant) const {
  for (const auto& term : plan_.giants[giant].terms) {
    const Plain::Form form = term.plain->form;
    if (form == Plain::Form::integers || form == Plain::Form::slots) return false;
  }
  return true;
}

/** The giant's sum at one limb, for a range of values: the first polynomial to the scratch, the second to `sums_`. */
void LinearEvaluation::multiplyGiant(const Block& block, const Scratch& scratch, std::size_t giant, std::size_t index,
                               std::size_t from, std::size_t length) {
  Waiting words, packed, runs;
  unsigned logRun = 0;
  const Field& field = fieldAt(index);
  const auto& terms = plan_.giants[giant].terms;
  u64* const dst0 = scratch.first(giant - block.first) + from;
  u64* const dst1 = sums_[giant][index] + from;
  bool written0 = false, written1 = filled_[giant];
  const auto flush = [&](Waiting& waiting, const auto& multiply) {
    if (waiting.count == 0) return;
    if (written0 != written1) {
      if (written0) std::memset(dst1, 0, length * sizeof(u64));
      if (written1) std::memset(dst0, 0, length * sizeof(u64));
    }
    multiply(waiting.x.data(), waiting.y0.data(), waiting.y1.data(), waiting.count, written0 || written1);
    written0 = written1 = true;
    waiting.count = 0;
  };
  const auto flushWords = [&] {
    flush(words, [&](auto x, auto y0, auto y1, std::size_t count, bool add) { field.multiplyAccumulate(dst0, dst1, x, y0, y1, count, add, length); });
  };
  const auto flushPacked = [&] {
    flush(packed, [&](auto x, auto y0, auto y1, std::size_t count, bool add) { field.multiplyPackedPlaintexts(dst0, dst1, x, y0, y1, count, add, length); });
  };
  const auto flushRuns = [&] {
    flush(runs, [&](auto x, auto y0, auto y1, std::size_t count, bool add) { field.multiplyRuns(dst0, dst1, x, logRun, y0, y1, count, add, length); });
  };
  for (const auto& term : terms) {
    if (index > level_ && isInput(term.node)) continue;
    const Plain& plain = *term.plain;
    const u64* const value0 = scratch.value(block.place[term.node], 0) + from;
    const u64* const value1 = scratch.value(block.place[term.node], 1) + from;
    if (plain.form == Plain::Form::packed) {
      packed.add(plain.packed.at(index) + packedWords(plain.packed.width(index), from), value0, value1);
      if (packed.count == mostWaiting) flushPacked();
    } else if (plain.form == Plain::Form::constant || plain.form == Plain::Form::runs) {
      const bool constant = plain.form == Plain::Form::constant;
      const auto log = static_cast<unsigned>(std::countr_zero(constant ? degree_ : plain.runLength));
      if (log != logRun) flushRuns();
      logRun = log;
      runs.add(constant ? &plain.multiplicands[index] : plain.runs.data() + ((index * degree_ + from) >> log), value0, value1);
      if (runs.count == mostWaiting) flushRuns();
    } else {
      u64* const limb = scratch.expanded(words.count);
      plaintexts_.expandLimb(plain, plain.form == Plain::Form::integers ? plain.integers : block.integers.at(&plain), index, limb);
      words.add(limb, value0, value1);
      if (words.count == expansions) flushWords();
    }
  }
  flushWords();
  flushPacked();
  flushRuns();
  if (!written0) std::memset(dst0, 0, length * sizeof(u64));
  if (!written1) std::memset(dst1, 0, length * sizeof(u64));
}

void LinearEvaluation::multiplyBlock(const Block& block) {
  const std::size_t giants = block.last - block.first;
  const std::size_t perThread = 2 * block.nodes.size() + giants + expansions;
  const Limbs limbs = workspace_.limbs(perThread * workspace_.threads().count());
  for (std::size_t g = block.first; g < block.last; ++g) {
    if (!sums_[g]) sums_[g] = workspace_.limbs(extended_);
    const std::size_t output = plan_.giants[g].output;
    if (outputs_[output]) continue;
    outputs_[output] = workspace_.limbs(extended_);
    for (std::size_t index = 0; index < extended_; ++index) std::memset(outputs_[output][index], 0, degree_ * sizeof(u64));
  }
  // Ranges short enough for the values of all nodes to stay in the second-level cache while the giants pass.
  std::size_t length = degree_;
  while (length > 512 && 2 * block.nodes.size() * length * sizeof(u64) > (std::size_t{384} << 10)) length /= 2;

  workspace_.eachLimb(extended_, [&](std::size_t index, std::size_t thread) {
    const Scratch scratch{limbs, thread * perThread, block.nodes.size(), giants, thread};
    {
      const Stopwatch stopwatch(timer(&LinearTimes::babies, thread));
      fillNodes(block, scratch, index);
    }
    const Stopwatch stopwatch(timer(&LinearTimes::products, thread));
    for (std::size_t from = 0; from < degree_; from += length) {
      for (std::size_t g = block.first; g < block.last; ++g) {
        if (!isExpanded(g)) continue;
        multiplyGiant(block, scratch, g, index, from, length);
      }
    }
    const Field& field = fieldAt(index);
    for (std::size_t g = block.first; g < block.last; ++g) {
      const auto& giant = plan_.giants[g];
      u64* const first = scratch.first(g - block.first);
      if (!isExpanded(g)) multiplyGiant(block, scratch, g, index, 0, degree_);
      u64* const sum = outputs_[giant.output][index];
      if (giant.step == 0) {
        field.add(sum, sum, first, degree_);
      } else {
        permuteAdd(workspace_.automorphism(galoisElement(giant.step, degree_)), field, sum, first, sum);
      }
      const bool complete = giant.lastTributary < static_cast<std::int32_t>(block.first);
      if (complete && giant.into != -1) switcher_.prepareLimb(level_, index, sums_[g][index]);
    }
  });
  for (std::size_t g = block.first; g < block.last; ++g) filled_[g] = true;
}

}  // namespace he
