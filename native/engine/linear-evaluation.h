/** One evaluation of a linear transform: what lives from stage to stage. For the files of `LinearEvaluator` only. */
#pragma once
#include <array>
#include <chrono>
#include <cstring>
#include <unordered_map>

#include "linear.h"

namespace he {

/** Adds the time of its life to a sum, if there is one. */
class Stopwatch {
 public:
  explicit Stopwatch(double* sum) : sum_(sum) {
    if (sum_ != nullptr) start_ = Clock::now();
  }
  ~Stopwatch() {
    if (sum_ != nullptr) *sum_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double* sum_;
  Clock::time_point start_;
};

class LinearEvaluation {
 public:
  LinearEvaluation(Workspace& workspace, Plaintexts& plaintexts, const Keys& keys, KeySwitcher& switcher, const LinearPlan& plan,
             std::span<const Ciphertext> inputs, LinearTimes* times)
      : workspace_(workspace),
        context_(workspace.context()),
        plaintexts_(plaintexts),
        keys_(keys),
        switcher_(switcher),
        plan_(plan),
        inputs_(inputs),
        level_(plan.level),
        degree_(workspace.degree()),
        extended_(context_.extendedCount(plan.level)),
        points_(plan.nodes.size()),
        sums_(plan.giants.size()),
        filled_(plan.giants.size(), false),
        outputs_(plan.outputs.size()),
        times_(times),
        threadTimes_(workspace.threads().count()) {}

  std::vector<Ciphertext> run();

 private:
  /** A node whose rotations are needed: its digits, and its first polynomial if that is not an input's. */
  struct Point {
    Decomposition decomposition;
    Limbs base;
  };
  /** Plaintext limbs that are expanded at a time. */
  static constexpr std::size_t expansions = 8;

  struct Block {
    std::size_t first, last;                          // giants
    std::vector<u32> nodes;                           // whose values are needed
    std::vector<std::size_t> place;                   // node -> index in `nodes`, which are in order of their parents
    std::unordered_map<const Plain*, Integers> integers;  // of plaintexts kept as slots
  };

  /** A thread's share of the scratch limbs of a block. */
  struct Scratch {
    const Limbs& limbs;
    std::size_t start, nodes, giants, thread;
    u64* value(std::size_t place, std::size_t polynomial) const { return limbs[start + 2 * place + polynomial]; }
    u64* first(std::size_t giant) const { return limbs[start + 2 * nodes + giant]; }
    u64* expanded(std::size_t i) const { return limbs[start + 2 * nodes + giants + i]; }
  };

  const Field& fieldAt(std::size_t index) const { return context_.field(context_.extendedLimb(level_, index)); }
  /** Where a stage's time goes; null if nobody asked. */
  double* timer(double LinearTimes::*stage) const { return times_ == nullptr ? nullptr : &(times_->*stage); }
  double* timer(double LinearTimes::*stage, std::size_t thread) {
    return times_ == nullptr ? nullptr : &(threadTimes_[thread].*stage);
  }
  bool isInput(std::size_t node) const { return plan_.nodes[node].parent == -1; }

  void makePoints();
  void rotateNode(std::size_t node, Limbs& first, Limbs& second);
  /** One limb of a parent's first polynomial times P; null where it is zero. */
  const u64* baseLimb(std::size_t parent, std::size_t index, u64* spare) const;
  /** One limb of a rotated node, to dst0 and dst1. @param base of its parent */
  void rotateLimb(std::size_t node, std::size_t index, std::size_t thread, const u64* const* digits, const u64* base, u64* dst0,
                  u64* dst1);
  std::size_t blockLength(std::size_t first) const;
  Block makeBlock(std::size_t first);
  void encodeSlots(Block& block);
  void multiplyBlock(const Block& block);
  void fillNodes(const Block& block, const Scratch& scratch, std::size_t index);
  void multiplyGiant(const Block& block, const Scratch& scratch, std::size_t giant, std::size_t index, std::size_t from,
                     std::size_t length);
  bool isExpanded(std::size_t giant) const;
  void rotateGiant(const Block& block, std::size_t giant);
  void reduceOutput(std::size_t output);
  void addAlmostZero(std::size_t output);
  Ciphertext finishOutput(std::size_t output);

  Workspace& workspace_;
  const Context& context_;
  Plaintexts& plaintexts_;
  const Keys& keys_;
  KeySwitcher& switcher_;
  const LinearPlan& plan_;
  std::span<const Ciphertext> inputs_;
  const std::size_t level_, degree_, extended_;
  std::vector<Point> points_;    // by node
  std::vector<Limbs> sums_;      // by giant: second polynomials of the sums
  std::vector<bool> filled_;     // whether a giant's sum has been written
  std::vector<Limbs> outputs_;   // first polynomials
  LinearTimes* const times_;
  std::vector<LinearTimes> threadTimes_;
};

}  // namespace he
