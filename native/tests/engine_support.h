/** What tests and benchmarks of the engine share: parameters of any size (insecure ones too), keys, plain computations. */
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "../core/number-theory.h"
#include "../engine/engine.h"
#include "../secret/secret-side.h"

namespace he::testing {

/** Distinct primes 1 mod 2N, as close below 2^bits as there are. */
inline std::vector<u64> makePrimes(std::size_t degree, const std::vector<int>& bits, std::set<u64>& taken) {
  std::vector<u64> primes;
  for (const int b : bits) {
    u64 q = (u64{1} << b) - 2 * degree + 1;
    while (taken.contains(q) || !isPrime(q)) q -= 2 * degree;
    taken.insert(q);
    primes.push_back(q);
  }
  return primes;
}

struct Shape {
  std::size_t degree;
  std::vector<int> dataBits, specialBits;
  std::size_t digits;
};

inline std::shared_ptr<const Context> makeContext(const Shape& shape, Path path = Path::automatic) {
  std::set<u64> taken;
  Parameters parameters;
  parameters.degree = shape.degree;
  parameters.dataPrimes = makePrimes(shape.degree, shape.dataBits, taken);
  parameters.specialPrimes = makePrimes(shape.degree, shape.specialBits, taken);
  parameters.digits = shape.digits;
  return Context::create(parameters, path);
}

inline std::string describe(const Shape& s) {
  return "N=" + std::to_string(s.degree) + " primes=" + std::to_string(s.dataBits.size()) + "+" +
         std::to_string(s.specialBits.size()) + " digits=" + std::to_string(s.digits);
}

using Slots = std::vector<double>;

inline Slots randomSlots(std::size_t count, std::mt19937_64& random, double bound = 1) {
  std::uniform_real_distribution<double> uniform(-bound, bound);
  Slots slots(count);
  for (double& slot : slots) slot = uniform(random);
  return slots;
}

inline Slots rotated(const Slots& slots, std::size_t step) {
  Slots result(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) result[i] = slots[(i + step) % slots.size()];
  return result;
}

inline double largestError(const Slots& a, const Slots& b) {
  double error = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const double e = std::fabs(a[i] - b[i]);
    error = e <= error ? error : e;  // NaN counts as an error
  }
  return error;
}

inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  std::exit(1);
}

inline void requireClose(const Slots& actual, const Slots& expected, double tolerance, const std::string& what) {
  const double error = largestError(actual, expected);
  require(error <= tolerance, what + ": error " + std::to_string(error) + " above " + std::to_string(tolerance));
}

/** A secret side and an engine that hold each other's bytes. */
class Party {
 public:
  Party(const Shape& shape, std::size_t threads, std::size_t cacheBytes = std::size_t{1} << 30, Control control = {},
        Path path = Path::automatic, std::size_t memory = std::size_t{8} << 30)
      : context(makeContext(shape, path)),
        secret(context, {std::size_t{4} << 30, 1, {}}, std::nullopt),
        engine(context, {memory, cacheBytes, threads, control}) {}

  std::size_t slots() const { return context->degree() / 2; }
  double prime(std::size_t level) const { return static_cast<double>(context->field(level).modulus()); }

  std::vector<std::uint8_t> rotationKey(u32 step, std::size_t level) {
    std::vector<std::uint8_t> bytes(secret.rotationKeyBytes(step, level));
    secret.makeRotationKey(step, level, bytes);
    return bytes;
  }
  void addRotationKey(u32 step, std::size_t level) {
    if (steps_.insert(step).second) engine.loadRotationKey(step, rotationKey(step, level));
  }
  void addRelinearizationKey(std::size_t level) {
    std::vector<std::uint8_t> bytes(secret.relinearizationKeyBytes(level));
    secret.makeRelinearizationKey(level, bytes);
    engine.loadRelinearizationKey(bytes);
  }
  Engine::Handle encrypt(const Slots& values, std::size_t level, double scale) {
    return engine.load(secret.encrypt(values, level, scale));
  }
  Slots decrypt(Engine::Handle handle) {
    return secret.decrypt(engine.store(handle), engine.levelOf(handle), engine.scaleOf(handle));
  }

  std::shared_ptr<const Context> context;
  secret::SecretSide secret;
  Engine engine;

 private:
  std::set<u32> steps_;
};

/** y = sum of the description's terms, computed on slots. */
inline std::vector<Slots> evaluatePlainly(const LinearDescription& d, const std::vector<Slots>& inputs) {
  const std::size_t slots = inputs[0].size();
  const auto rotatedBy = [&](Slots x, const std::vector<u32>& steps) {
    for (const u32 step : steps) x = rotated(x, step);
    return x;
  };
  const auto valueAt = [&](const SlotValues& v, std::size_t i) {
    return v.values.size() == 1 && v.positions.empty() ? v.values[0] : v.values[i];
  };
  const auto dense = [&](const SlotValues& v) {
    Slots x(slots, 0.0);
    if (v.positions.empty()) {
      for (std::size_t i = 0; i < slots; ++i) x[i] = valueAt(v, i);
    } else {
      for (std::size_t i = 0; i < v.positions.size(); ++i) x[v.positions[i]] = v.values[i];
    }
    return x;
  };
  std::vector<Slots> babies, diagonals, results;
  for (const auto& baby : d.babies) {
    babies.push_back(rotatedBy(baby.from == -1 ? inputs[baby.source] : babies[static_cast<std::size_t>(baby.from)], baby.via));
  }
  for (const auto& diagonal : d.diagonals) diagonals.push_back(dense(diagonal));
  for (const auto& output : d.outputs) {
    std::vector<Slots> sums(output.giants.size() + 1, Slots(slots, 0.0));
    for (std::size_t g = 0; g < output.giants.size(); ++g) {
      const auto& giant = output.giants[g];
      for (const auto& term : giant.terms) {
        for (std::size_t i = 0; i < slots; ++i) sums[g][i] += diagonals[term.diagonal][i] * babies[term.baby][i];
      }
      const Slots moved = rotatedBy(sums[g], giant.via);
      Slots& target = giant.into == -1 ? sums.back() : sums[static_cast<std::size_t>(giant.into)];
      for (std::size_t i = 0; i < slots; ++i) target[i] += moved[i];
    }
    Slots& sum = sums.back();
    for (const auto& steps : output.reductions) {
      const Slots moved = rotatedBy(sum, steps);
      for (std::size_t i = 0; i < slots; ++i) sum[i] += moved[i];
    }
    if (output.bias != -1) {
      for (std::size_t i = 0; i < slots; ++i) sum[i] += diagonals[static_cast<std::size_t>(output.bias)][i];
    }
    results.push_back(sum);
  }
  return results;
}

/** Loads the keys that a description needs. */
inline void addKeys(Party& party, const LinearDescription& d) {
  for (const auto& baby : d.babies) {
    for (const u32 step : baby.via) party.addRotationKey(step, d.level);
  }
  for (const auto& output : d.outputs) {
    for (const auto& giant : output.giants) {
      for (const u32 step : giant.via) party.addRotationKey(step, d.level);
    }
    for (const auto& steps : output.reductions) {
      for (const u32 step : steps) party.addRotationKey(step, d.level);
    }
  }
}

/** babies x giants dense diagonals of one input: babies 0 ... b-1 hoisted, giants by b each, straight or one into the other. */
inline LinearDescription squareTransform(const Party& party, std::size_t level, double scale, u32 babies, u32 giants, bool horner,
                                         std::mt19937_64& random, std::size_t distinct = SIZE_MAX) {
  LinearDescription d;
  d.level = static_cast<u32>(level);
  d.plainScales = {party.prime(level)};
  d.outputScale = scale;
  for (u32 b = 0; b < babies; ++b) d.babies.push_back({0, -1, b == 0 ? std::vector<u32>{} : std::vector<u32>{b}, b});
  LinearDescription::Output output;
  for (u32 g = giants; g-- > 0;) {
    LinearDescription::Giant giant;
    giant.into = horner && g > 0 ? static_cast<std::int32_t>(giants - g) : -1;
    if (g > 0) giant.via = {horner ? babies : babies * g};
    for (u32 b = 0; b < babies; ++b) {
      if (d.diagonals.size() < distinct) d.diagonals.push_back({randomSlots(party.slots(), random, 1.0 / babies), {}});
      giant.terms.push_back({b, static_cast<u32>((g * babies + b) % d.diagonals.size())});
    }
    output.giants.push_back(giant);
  }
  output.bias = -1;
  d.outputs.push_back(output);
  return d;
}

}  // namespace he::testing
