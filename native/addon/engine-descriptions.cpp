/** Flat descriptions of transforms and tapes become the engine's; what they mean is checked by the engine. */
#include <limits>

#include "engine-parts.h"

namespace he::addon {
namespace {

constexpr std::uint32_t kMaxVectors = 1u << 24;

/** Reads whole numbers one after another; a list can be no longer than what is left. */
class Reader {
 public:
  explicit Reader(std::vector<std::int32_t> words) : words_(std::move(words)) {}

  std::int32_t integer() {
    if (next_ == words_.size()) refuse("structure", "longer: it ends early");
    return words_[next_++];
  }

  std::uint32_t count() {
    const std::int32_t value = integer();
    if (value < 0) refuse("structure", "free of negative counts and indices");
    return static_cast<std::uint32_t>(value);
  }

  /** An index, or -1 for none. */
  std::int32_t indexOrNone() {
    const std::int32_t value = integer();
    if (value < -1) refuse("structure", "free of indices below -1");
    return value;
  }

  template <class Read>
  auto list(Read read) {
    const std::uint32_t length = count();
    if (length > words_.size() - next_) refuse("structure", "longer: a list goes past its end");
    std::vector<decltype(read())> items;
    items.reserve(length);
    for (std::uint32_t i = 0; i < length; ++i) items.push_back(read());
    return items;
  }

  std::vector<u32> counts() {
    return list([this] { return count(); });
  }

  void end() const {
    if (next_ != words_.size()) refuse("structure", "shorter: something is left over");
  }

 private:
  std::vector<std::int32_t> words_;
  std::size_t next_ = 0;
};

std::vector<SlotValues> readVectors(napi_env env, napi_value values, napi_value positions, std::size_t slots) {
  const auto arrays = readArray(env, values, "values", kMaxVectors);
  const auto places = readArray(env, positions, "positions", kMaxVectors);
  if (arrays.size() != places.size()) refuse("positions", "as many as there are values");
  std::vector<SlotValues> vectors;
  vectors.reserve(arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) vectors.push_back(readSlotValues(env, arrays[i], places[i], slots));
  return vectors;
}

LinearDescription::Giant readGiant(Reader& reader) {
  LinearDescription::Giant giant;
  giant.into = reader.indexOrNone();
  giant.via = reader.counts();
  giant.terms = reader.list([&] {
    const u32 baby = reader.count();
    return LinearDescription::Term{baby, reader.count()};
  });
  return giant;
}

LinearDescription::Output readOutput(Reader& reader) {
  LinearDescription::Output output;
  output.giants = reader.list([&] { return readGiant(reader); });
  output.reductions = reader.list([&] { return reader.counts(); });
  output.bias = reader.indexOrNone();
  return output;
}

LinearDescription::Baby readBaby(Reader& reader) {
  LinearDescription::Baby baby{};
  baby.source = reader.count();
  baby.from = reader.indexOrNone();
  baby.via = reader.counts();
  baby.step = reader.count();
  return baby;
}

TapeStep readStep(Reader& reader) {
  TapeStep step{};
  step.op = readOperation(reader.count());
  step.result = reader.count();
  step.left = reader.count();
  step.right = reader.count();
  step.argument = reader.count();
  return step;
}

}  // namespace

SlotValues readSlotValues(napi_env env, napi_value values, napi_value positions, std::size_t slots) {
  SlotValues result;
  result.values = readDoubles(env, values, "values");
  const auto split = [&](std::size_t count) {
    if (result.values.size() != 2 * count) return;
    const auto middle = result.values.begin() + static_cast<std::ptrdiff_t>(count);
    result.imaginary.assign(middle, result.values.end());
    result.values.erase(middle, result.values.end());
  };
  if (isNull(env, positions)) {
    split(slots);
    if (result.values.size() != 1 && result.values.size() != slots) refuse("values", "one value, or one or two for each slot");
    return result;
  }
  const auto places = readInts(env, positions, "positions");
  split(places.size());
  if (places.empty() || places.size() != result.values.size()) refuse("positions", "as many as values, or half, and not none");
  std::int64_t last = -1;
  for (const std::int32_t place : places) {
    if (place <= last || static_cast<std::size_t>(place) >= slots) refuse("positions", "ascending slots");
    result.positions.push_back(static_cast<u32>(place));
    last = place;
  }
  return result;
}

TapeStep::Op readOperation(std::uint32_t number) {
  if (number > static_cast<std::uint32_t>(TapeStep::Op::release)) refuse("operation", "one that the engine knows");
  return static_cast<TapeStep::Op>(number);
}

LinearDescription readLinear(napi_env env, const LinearArguments& arguments, std::size_t slots) {
  LinearDescription description;
  Reader reader(readInts(env, arguments.structure, "structure"));
  description.level = reader.count();
  description.babies = reader.list([&] { return readBaby(reader); });
  description.outputs = reader.list([&] { return readOutput(reader); });
  reader.end();
  description.plainScales = readDoubles(env, arguments.plainScales, "plainScales");
  description.outputScale = readNumber(env, arguments.outputScale, "outputScale");
  description.diagonals = readVectors(env, arguments.values, arguments.positions, slots);
  return description;
}

Tape readTape(napi_env env, const TapeArguments& arguments, std::size_t slots) {
  Tape tape;
  Reader reader(readInts(env, arguments.structure, "structure"));
  tape.inputs = reader.count();
  tape.registers = reader.count();
  tape.outputs = reader.counts();
  tape.steps = reader.list([&] { return readStep(reader); });
  const auto levels = reader.counts();
  reader.end();
  const auto scales = readDoubles(env, arguments.scales, "scales");
  auto vectors = readVectors(env, arguments.values, arguments.positions, slots);
  if (scales.size() != tape.steps.size() + levels.size()) refuse("scales", "one for each step and each plaintext");
  if (vectors.size() != levels.size()) refuse("values", "one for each plaintext");
  for (std::size_t i = 0; i < tape.steps.size(); ++i) tape.steps[i].scale = scales[i];
  tape.plains.reserve(levels.size());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    tape.plains.push_back({std::move(vectors[i]), levels[i], scales[tape.steps.size() + i]});
  }
  return tape;
}

}  // namespace he::addon
