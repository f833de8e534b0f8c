/**
 * Runs the engine's operations on request, so that another library's can be timed in turn with them.
 *   engine SET THREADS      SET: P1 P2 P3 (one digit per prime), H14 H15 (hybrid)
 * Prints one JSON line with the parameters and the names of the operations; then, for each line "MILLISECONDS OPERATION" on the
 * standard input, runs that operation for so long (thrice at least) and prints a line with the time of each call: `wall` and
 * `processor` (of all threads), in milliseconds.
 */
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>

#include "../engine/linear.h"
#include "../tests/engine_support.h"

namespace he::testing {
namespace {

using Clock = std::chrono::steady_clock;

double processorMilliseconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

using Operation = std::function<void()>;

void printArray(const char* name, const std::vector<double>& values) {
  std::printf("\"%s\":[", name);
  for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.5f", i == 0 ? "" : ",", values[i]);
  std::printf("]");
}

void time(double milliseconds, const Operation& operation) {
  std::vector<double> wall, processor;
  double total = 0;
  while (wall.size() < 3 || (total < milliseconds && wall.size() < 1000)) {
    const auto start = Clock::now();
    const double before = processorMilliseconds();
    operation();
    processor.push_back(processorMilliseconds() - before);
    wall.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    total += wall.back();
  }
  std::printf("{");
  printArray("wall", wall);
  std::printf(",");
  printArray("processor", processor);
  std::printf("}\n");
  std::fflush(stdout);
}

struct Set {
  const char* name;
  Shape shape;
  double scaleBits;
};

std::vector<int> repeat(int bits, std::size_t count, int first = 0) {
  std::vector<int> all(count, bits);
  if (first != 0) all.insert(all.begin(), first);
  return all;
}

std::vector<Set> sets() {
  return {
      {"P1", {8192, repeat(40, 2, 60), {60}, 3}, 40},
      {"P2", {16384, repeat(40, 7, 60), {60}, 8}, 40},
      {"P3", {32768, repeat(40, 18, 60), {60}, 19}, 40},
      {"H14", {16384, repeat(39, 8), repeat(39, 3), 3}, 38},
      {"H15", {32768, repeat(44, 15), repeat(44, 5), 3}, 43},
  };
}

class Bench {
 public:
  Bench(const Set& set, std::size_t threads)
      : set_(set),
        context_(makeContext(set.shape)),
        secret_(context_, {std::size_t{6} << 30, 1, {}}, std::nullopt),
        workspace_(context_, std::size_t{12} << 30, threads, {}),
        plaintexts_(workspace_, std::size_t{4} << 30, 0),
        switcher_(workspace_) {}

  void prepare() {
    scale_ = std::pow(2.0, set_.scaleBits);
    level_ = context_->topLevel();
    const Slots slots = randomSlots(context_->degree() / 2, random_);
    for (Ciphertext& input : inputs_) input = load(secret_.encrypt(slots, level_, scale_));
    primitives(slots);
    encode(slots);
    if (set_.shape.digits == set_.shape.dataBits.size()) return;  // so many keys of SEAL's shape take gigabytes
    hoisted();
    transform(8, 8, false);
    transform(8, 8, true);
    transform(16, 4, false);
  }

  void serve() {
    describe();
    for (double milliseconds; std::cin >> milliseconds;) {
      std::string name;
      std::getline(std::cin >> std::ws, name);
      const auto operation = operations_.find(name);
      if (operation == operations_.end()) {
        std::fprintf(stderr, "there is no operation \"%s\"\n", name.c_str());
        std::exit(1);
      }
      operation->second();  // caches and plaintexts
      time(milliseconds, operation->second);
    }
  }

 private:
  void describe() const {
    std::size_t largest = 0;
    for (const int bits : set_.shape.dataBits) largest = std::max<std::size_t>(largest, static_cast<std::size_t>(bits));
    std::printf("{\"degree\":%zu,\"dataPrimes\":%zu,\"specialPrimes\":%zu,\"digits\":%zu,\"largestBits\":%zu,\"operations\":[",
                set_.shape.degree, set_.shape.dataBits.size(), set_.shape.specialBits.size(), set_.shape.digits, largest);
    bool first = true;
    for (const auto& [name, operation] : operations_) {
      std::printf("%s\"%s\"", first ? "" : ",", name.c_str());
      first = false;
    }
    std::puts("]}");
    std::fflush(stdout);
  }
  void measure(const std::string& name, Operation operation) { operations_[name] = std::move(operation); }

  Ciphertext load(const std::vector<std::uint8_t>& bytes) {
    auto data = format::readCiphertext(*context_, workspace_.pool(), bytes);
    return {data.level, data.scale, std::make_shared<format::CiphertextData>(std::move(data))};
  }
  void addRotationKey(u32 step) {
    if (!steps_.insert(step).second) return;
    std::vector<std::uint8_t> bytes(secret_.rotationKeyBytes(step, level_));
    secret_.makeRotationKey(step, level_, bytes);
    const u64 element = galoisElement(step, context_->degree());
    keys_.addRotation(step, prepareKey(workspace_, format::readSwitchingKey(*context_, workspace_.pool(), bytes, (element - 1) / 2), element));
  }

  Ciphertext tape(std::vector<TapeStep> steps, const std::vector<TapePlain>& plains = {}) {
    Tape tape{2, 3, {2}, plains, std::move(steps)};
    const TapePlan plan = planTape(plaintexts_, *context_, tape);
    return runTape(workspace_, plaintexts_, keys_, plan, inputs_).front();
  }
  void measureTape(const std::string& operation, std::vector<TapeStep> steps, const std::vector<TapePlain>& plains = {}) {
    Tape tape{2, 3, {2}, plains, std::move(steps)};
    measure(operation, [this, plan = planTape(plaintexts_, *context_, tape)] {
      runTape(workspace_, plaintexts_, keys_, plan, inputs_);
    });
  }

  void primitives(const Slots& slots) {
    using Op = TapeStep::Op;
    addRotationKey(1);
    std::vector<std::uint8_t> bytes(secret_.relinearizationKeyBytes(level_));
    secret_.makeRelinearizationKey(level_, bytes);
    keys_.setRelinearization(prepareKey(workspace_, format::readSwitchingKey(*context_, workspace_.pool(), bytes, 0), 1));
    const double square = scale_ * scale_, natural = square / static_cast<double>(context_->field(level_).modulus());
    measureTape("rotate", {{Op::rotate, 2, 0, 0, 1, 0}});
    measureTape("multiply", {{Op::multiply, 2, 0, 1, 0, square}});
    measureTape("multiply, relinearize", {{Op::multiply, 2, 0, 1, 0, square}, {Op::relinearize, 2, 2, 0, 0, 0}});
    measureTape("multiply, relinearize and rescale",
                {{Op::multiply, 2, 0, 1, 0, square}, {Op::relinearize, 2, 2, 0, 0, 0}, {Op::rescale, 2, 2, 0, 0, natural}});
    const TapePlain plain{{slots, {}}, static_cast<u32>(level_), scale_};
    measureTape("multiply plain", {{Op::multiplyPlain, 2, 0, 0, 0, square}}, {plain});
    Ciphertext product = tape({{Op::multiplyPlain, 2, 0, 0, 0, square}}, {plain});
    measure("rescale", [this, product = std::move(product), natural] { rescale(workspace_, switcher_, product, natural); });
  }

  /**
   * Rotations of one decomposed ciphertext, with the division by P and without it: the difference of 16 and of one tells what each
   * further rotation costs.
   */
  void hoisted() {
    for (u32 step = 1; step <= 16; ++step) addRotationKey(step);
    measure("decompose", [this] { switcher_.decompose(level_, inputs_[0].polynomial(1)); });
    for (const u32 count : {1u, 16u}) {
      measure("hoisted " + std::to_string(count), [this, count] { rotateHoisted(count, false); });
      measure("deferred " + std::to_string(count), [this, count] { rotateHoisted(count, true); });
    }
  }

  void rotateHoisted(u32 count, bool deferred) {
    const std::size_t extended = context_->extendedCount(level_), degree = context_->degree();
    const Decomposition decomposition = switcher_.decompose(level_, inputs_[0].polynomial(1));
    for (u32 step = 1; step <= count; ++step) workspace_.automorphism(galoisElement(step, degree));
    if (deferred) {
      const Limbs results = workspace_.limbs(2 * count * extended);
      workspace_.eachLimb(extended, [&](std::size_t index, std::size_t thread) {
        const u64* digits[64];
        const std::size_t limb = context_->extendedLimb(level_, index);
        switcher_.digitsOf(decomposition, limb, thread, digits);
        u64* const spares[2] = {workspace_.spareLimb(thread, 0), workspace_.spareLimb(thread, 1)};
        for (u32 step = 1; step <= count; ++step) {
          switcher_.innerProduct(level_, digits, keys_.rotation(step, level_), limb, spares[0], spares[1], false);
          const Automorphism& automorphism = workspace_.automorphism(galoisElement(step, degree));
          for (std::size_t p = 0; p < 2; ++p) permute(automorphism, results[(2 * (step - 1) + p) * extended + index], spares[p]);
        }
      });
      return;
    }
    std::vector<KeySwitcher::Switch> switches;
    for (u32 step = 1; step <= count; ++step) switches.push_back({&keys_.rotation(step, level_), galoisElement(step, degree)});
    switcher_.apply(decomposition, switches, inputs_[0].polynomial(0), nullptr, scale_, false);
  }

  void encode(const Slots& slots) {
    measure("encode", [this, values = SlotValues{slots, {}}, factor = 1.0]() mutable {
      factor *= 1.0000001;  // another plaintext each time
      const PlainRequest request{&values, scale_ * factor, level_, true, true};
      plaintexts_.prepare({&request, 1}, false);
    });
  }

  void transform(u32 babies, u32 giants, bool horner) {
    LinearDescription d;
    d.level = static_cast<u32>(level_);
    d.plainScales = {static_cast<double>(context_->field(level_).modulus())};
    d.outputScale = scale_;
    for (u32 b = 0; b < babies; ++b) d.babies.push_back({0, -1, b == 0 ? std::vector<u32>{} : std::vector<u32>{b}, b});
    LinearDescription::Output output;
    output.bias = -1;
    for (u32 g = giants; g-- > 0;) {
      LinearDescription::Giant giant;
      giant.into = horner && g > 0 ? static_cast<std::int32_t>(giants - g) : -1;
      if (g > 0) giant.via = {horner ? babies : babies * g};
      for (const u32 step : giant.via) addRotationKey(step);
      for (u32 b = 0; b < babies; ++b) {
        giant.terms.push_back({b, static_cast<u32>(d.diagonals.size())});
        d.diagonals.push_back({randomSlots(context_->degree() / 2, random_, 1.0 / babies), {}});
      }
      output.giants.push_back(giant);
    }
    for (u32 b = 1; b < babies; ++b) addRotationKey(b);
    d.outputs.push_back(output);
    const std::string name =
        "transform " + std::to_string(babies) + " x " + std::to_string(giants) + (horner ? ", Horner" : "");
    measure(name, [this, plan = planLinear(workspace_, plaintexts_, d)] {
      LinearEvaluator(workspace_, plaintexts_, keys_).run(plan, {inputs_.data(), 1});
    });
  }

  const Set& set_;
  std::shared_ptr<const Context> context_;
  secret::SecretSide secret_;
  Workspace workspace_;
  Plaintexts plaintexts_;
  KeySwitcher switcher_;
  Keys keys_;
  std::mt19937_64 random_{1};
  std::set<u32> steps_;
  std::array<Ciphertext, 2> inputs_;
  std::size_t level_ = 0;
  double scale_ = 1;
  std::map<std::string, Operation> operations_;
};

}  // namespace
}  // namespace he::testing

int main(int count, char** arguments) {
  using namespace he::testing;
  if (count == 3) {
    for (const Set& set : sets()) {
      if (std::strcmp(set.name, arguments[1]) != 0) continue;
      Bench bench(set, static_cast<std::size_t>(std::atoi(arguments[2])));
      bench.prepare();
      bench.serve();
      return 0;
    }
  }
  std::fputs("usage: engine P1|P2|P3|H14|H15 THREADS\n", stderr);
  return 2;
}
