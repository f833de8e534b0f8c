/** The engine against plain computation on slots: every level, several digit shapes and degrees, threads, bounds, cancellation. */
#include <atomic>
#include <chrono>
#include <complex>
#include <cstring>
#include <thread>

#include "engine_support.h"

namespace he::testing {
namespace {

using Op = TapeStep::Op;

const double kScale = std::pow(2.0, 38);

std::vector<int> chain(std::size_t count, int first = 45, int others = 38) {
  std::vector<int> bits(count, others);
  bits[0] = first;
  return bits;
}

/** SEAL's shape, one special prime for many digits, hybrid shapes with whole and partial digits, one digit, large primes. */
std::vector<Shape> shapes(std::size_t degree) {
  return {
      {degree, chain(4), {45}, 4},
      {degree, chain(5), {46, 46}, 3},
      {degree, chain(6), {46, 46, 46}, 2},
      {degree, chain(3), {45, 45, 45, 45}, 1},
      {degree, {60, 40, 40, 60}, {60}, 4},
      {degree, {60, 50, 50, 50}, {59, 59}, 2},
  };
}

TapeStep only(Op op, u32 argument = 0, double scale = 0) { return {op, 0, 0, 0, argument, scale}; }

void testPrimitives(const Shape& shape, std::size_t threads) {
  std::mt19937_64 random(1);
  Party party(shape, threads);
  Engine& engine = party.engine;
  const std::string name = describe(shape) + " threads=" + std::to_string(threads);
  const std::size_t top = party.context->topLevel();
  party.addRelinearizationKey(top);
  party.addRotationKey(3, top);
  const Slots x = randomSlots(party.slots(), random), y = randomSlots(party.slots(), random);
  for (std::size_t level = 0; level <= top; ++level) {
    const std::string here = name + " level=" + std::to_string(level);
    const auto a = party.encrypt(x, level, kScale), b = party.encrypt(y, level, kScale);
    const auto moved = engine.run(only(Op::rotate, 3), a, 0, nullptr);
    requireClose(party.decrypt(moved), rotated(x, 3), 1e-4, here + " rotate");
    require(engine.scaleOf(moved) == kScale && engine.levelOf(moved) == level, here + " rotate: level and scale");

    const auto sum = engine.run(only(Op::add), a, b, nullptr);
    Slots expected(party.slots());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = x[i] + y[i];
    requireClose(party.decrypt(sum), expected, 1e-5, here + " add");

    const TapePlain addend{{y, {}}, static_cast<u32>(level), kScale};
    requireClose(party.decrypt(engine.run(only(Op::addPlain), a, 0, &addend)), expected, 1e-5, here + " addPlain");
    const TapePlain half{{{0.5}, {}}, static_cast<u32>(level), kScale};
    Slots shifted(x);
    for (double& v : shifted) v += 0.5;
    requireClose(party.decrypt(engine.run(only(Op::addPlain), a, 0, &half)), shifted, 1e-5, here + " add constant");

    if (level == 0) continue;
    // So that the product is at kScale after the rescale, whatever the size of the prime.
    const double other = party.prime(level), natural = kScale;
    const auto c = party.encrypt(y, level, other);
    const auto product = engine.run(only(Op::multiply, 0, kScale * other), a, c, nullptr);
    require(engine.polynomialsOf(product) == 3, here + " multiply: three polynomials");
    const auto linear = engine.run(only(Op::relinearize), product, 0, nullptr);
    const auto rescaled = engine.run(only(Op::rescale, 0, natural), linear, 0, nullptr);
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = x[i] * y[i];
    requireClose(party.decrypt(rescaled), expected, 1e-4, here + " multiply, relinearize, rescale");
    require(engine.levelOf(rescaled) == level - 1, here + " rescale: level");

    const TapePlain factor{{y, {}}, static_cast<u32>(level), other};
    const auto scaled = engine.run(only(Op::multiplyPlain, 0, kScale * other), a, 0, &factor);
    requireClose(party.decrypt(engine.run(only(Op::rescale, 0, natural), scaled, 0, nullptr)), expected, 1e-4,
                 here + " multiplyPlain");
    const auto lower = engine.run(only(Op::dropToLevel, static_cast<u32>(level - 1)), a, 0, nullptr);
    requireClose(party.decrypt(lower), x, 1e-5, here + " dropToLevel");
  }
}

/** Keys truncated to a level serve at and below it, and are missed above. */
void testTruncatedKeys(const Shape& shape) {
  std::mt19937_64 random(2);
  const Slots x = randomSlots(shape.degree / 2, random);
  const std::size_t top = shape.dataBits.size() - 1;
  for (std::size_t keyLevel = 0; keyLevel < top; ++keyLevel) {
    Party party(shape, 1);
    party.addRotationKey(1, keyLevel);
    for (std::size_t level = 0; level <= keyLevel; ++level) {
      const auto moved = party.engine.run(only(Op::rotate, 1), party.encrypt(x, level, kScale), 0, nullptr);
      requireClose(party.decrypt(moved), rotated(x, 1), 1e-4, describe(shape) + " truncated key");
    }
    bool missed = false;
    try {
      party.engine.run(only(Op::rotate, 1), party.encrypt(x, keyLevel + 1, kScale), 0, nullptr);
    } catch (const EngineError& error) {
      missed = error.code == "KEY_MISSING";
    }
    require(missed, describe(shape) + " truncated key used above its level");
  }
}

/** Several switches of one decomposition give what each gives alone, byte for byte. */
void testHoistedSwitches(const Shape& shape) {
  std::mt19937_64 random(11);
  Party party(shape, 1);
  const std::size_t level = party.context->topLevel();
  Workspace workspace(party.context, std::size_t{1} << 30, 2, {});
  KeySwitcher switcher(workspace);
  std::vector<SwitchingKey> keys;
  std::vector<KeySwitcher::Switch> switches;
  for (const u32 step : {1, 2, 5}) {
    const u64 element = galoisElement(step, shape.degree);
    auto key = format::readSwitchingKey(*party.context, workspace.pool(), party.rotationKey(step, level), (element - 1) / 2);
    keys.push_back(prepareKey(workspace, std::move(key), element));
  }
  const std::vector<u32> steps{1, 2, 5};
  for (std::size_t i = 0; i < steps.size(); ++i) switches.push_back({&keys[i], galoisElement(steps[i], shape.degree)});
  const Slots x = randomSlots(party.slots(), random);
  const auto input = format::readCiphertext(*party.context, workspace.pool(), party.secret.encrypt(x, level, kScale));
  const u64* const c0 = input.polynomials[0].words.data();
  const Decomposition decomposition = switcher.decompose(level, input.polynomials[1].words.data());
  const auto together = switcher.apply(decomposition, switches, c0, nullptr, kScale, false);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto alone = switcher.apply(decomposition, {&switches[i], 1}, c0, nullptr, kScale, false).front();
    const auto bytes = format::writeCiphertext(*party.context, *together[i].data);
    require(bytes == format::writeCiphertext(*party.context, *alone.data), describe(shape) + " hoisted switches differ");
    requireClose(party.secret.decrypt(bytes, level, kScale), rotated(x, steps[i]), 1e-4, describe(shape) + " hoisted switch");
  }
}

/** Two inputs, chained babies, giants of all kinds, reductions, an output without terms, constant and sparse diagonals. */
LinearDescription motley(const Party& party, std::size_t level, std::mt19937_64& random) {
  LinearDescription d;
  const std::size_t slots = party.slots();
  d.level = static_cast<u32>(level);
  d.outputScale = 1.25 * kScale;
  const double sumScale = d.outputScale * party.prime(level);
  d.plainScales = {sumScale / kScale, sumScale / (1.5 * kScale)};
  d.babies = {{0, -1, {}, 0}, {0, -1, {1}, 1}, {0, 1, {1}, 2}, {0, 2, {1, 4}, 7}, {1, -1, {4}, 4}, {1, -1, {}, 0}, {1, -1, {4}, 4}};
  for (int i = 0; i < 6; ++i) d.diagonals.push_back({randomSlots(slots, random), {}});
  d.diagonals.push_back({{0.75}, {}});
  d.diagonals.push_back({{0.5, -1, 0.25}, {0, 5, static_cast<u32>(slots - 1)}});
  d.diagonals.push_back({Slots(slots, 0.0), {}});
  d.diagonals.push_back(d.diagonals[0]);
  LinearDescription::Output first;
  first.giants = {
      {2, {4}, {{0, 0}, {1, 1}}},           // into a giant further on
      {-1, {}, {{2, 2}, {3, 3}}},           // no rotation: melts into the output
      {3, {4, 1}, {{4, 4}, {5, 5}, {0, 8}}},  // two keyed steps; one term encodes to zero
      {-1, {1}, {}},                        // only what flows in
      {-1, {4}, {{6, 6}, {3, 7}, {1, 9}}},
  };
  first.reductions = {{4}, {1, 1}};
  first.bias = 1;
  LinearDescription::Output zero{{{-1, {4}, {{0, 8}}}}, {{1}}, 6};
  LinearDescription::Output inputsOnly{{{-1, {1}, {{0, 2}}}, {-1, {}, {{5, 3}}}}, {}, -1};
  d.outputs = {first, zero, inputsOnly};
  return d;
}

void testLinear(const Shape& shape, std::size_t threads, std::size_t cacheBytes) {
  std::mt19937_64 random(3);
  Party party(shape, threads, cacheBytes);
  const std::size_t top = party.context->topLevel();
  for (std::size_t level = top; level >= 1; --level) {
    const LinearDescription d = motley(party, level, random);
    if (level == top) addKeys(party, d);
    const std::vector<Slots> inputs{randomSlots(party.slots(), random), randomSlots(party.slots(), random)};
    const std::vector<Engine::Handle> handles{party.encrypt(inputs[0], level, kScale), party.encrypt(inputs[1], top, 1.5 * kScale)};
    const u32 prepared = party.engine.prepareLinear(d);
    const std::size_t inUse = party.engine.memoryInUse();
    const auto expected = evaluatePlainly(d, inputs);
    const auto outputs = party.engine.linear(prepared, handles);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      const std::string here = describe(shape) + " threads=" + std::to_string(threads) + " cache=" + std::to_string(cacheBytes) +
                               " level=" + std::to_string(level) + " output=" + std::to_string(o);
      require(party.engine.levelOf(outputs[o]) == level - 1 && party.engine.scaleOf(outputs[o]) == d.outputScale, here + " form");
      requireClose(party.decrypt(outputs[o]), expected[o], 2e-4, "linear " + here);
      party.engine.free(outputs[o]);
    }
    require(party.engine.memoryInUse() == inUse, "linear: memory left over");
    party.engine.forgetLinear(prepared);
    for (const auto handle : handles) party.engine.free(handle);
  }
  require(party.engine.cachedPlaintextBytes() == 0, "plaintexts left in the cache");
}

/** Complex diagonals, dense and sparse; what they leave is made real by adding its conjugate. */
void testComplexTransforms(const Shape& shape, std::size_t cacheBytes) {
  using Complex = std::complex<double>;
  std::mt19937_64 random(6);
  Party party(shape, 2, cacheBytes);
  const std::size_t top = party.context->topLevel(), slots = party.slots();
  const auto complexSlots = [&](std::vector<u32> positions) {
    const std::size_t count = positions.empty() ? slots : positions.size();
    return SlotValues{randomSlots(count, random), std::move(positions), randomSlots(count, random)};
  };
  const auto dense = [&](const SlotValues& v) {
    std::vector<Complex> result(slots);
    for (std::size_t i = 0; i < v.values.size(); ++i) {
      result[v.positions.empty() ? i : v.positions[i]] = Complex(v.values[i], v.imaginary[i]);
    }
    return result;
  };
  const auto one = [&](std::size_t level, std::vector<SlotValues> diagonals) {
    LinearDescription d;
    d.level = static_cast<u32>(level);
    d.plainScales = {party.prime(level)};
    d.outputScale = kScale;
    LinearDescription::Output output{{{-1, {}, {}}}, {}, -1};
    for (u32 b = 0; b < diagonals.size(); ++b) {
      d.babies.push_back({0, -1, b == 0 ? std::vector<u32>{} : std::vector<u32>{b}, b});
      output.giants[0].terms.push_back({b, b});
    }
    d.outputs = {output};
    d.diagonals = std::move(diagonals);
    return d;
  };
  const Slots x = randomSlots(slots, random);
  const LinearDescription d = one(top, {complexSlots({}), complexSlots({1, 2, 5, 8})});
  // Rotations by one bring odd slots, which the encoder gives by their conjugates, to even ones.
  LinearDescription e = one(top - 1, {complexSlots({}), complexSlots({})});
  e.outputs[0].reductions = {{0}};
  addKeys(party, d);
  addKeys(party, e);
  const std::vector<Engine::Handle> input{party.encrypt(x, top, kScale)};
  const auto between = party.engine.linear(party.engine.prepareLinear(d), input);
  const auto output = party.engine.linear(party.engine.prepareLinear(e), between);
  Slots expected(slots);
  const auto d0 = dense(d.diagonals[0]), d1 = dense(d.diagonals[1]), e0 = dense(e.diagonals[0]), e1 = dense(e.diagonals[1]);
  const auto first = [&](std::size_t i) { return d0[i % slots] * x[i % slots] + d1[i % slots] * x[(i + 1) % slots]; };
  for (std::size_t i = 0; i < slots; ++i) expected[i] = 2 * (e0[i] * first(i) + e1[i] * first(i + 1)).real();
  requireClose(party.decrypt(output[0]), expected, 2e-4, "complex transform " + describe(shape));
}

/** Diagonals that repeat every few slots: kept in a small part of the memory, and the same to the last bit as from no memory at all. */
void testRepeatingDiagonals(const Shape& shape, std::size_t threads) {
  std::mt19937_64 random(8);
  Party party(shape, threads);
  const std::size_t top = party.context->topLevel(), slots = party.slots();
  const auto repeating = [&](std::size_t period) {
    SlotValues result{randomSlots(period, random), {}, randomSlots(period, random)};
    for (std::size_t i = period; i < slots; ++i) {
      result.values.push_back(result.values[i - period]);
      result.imaginary.push_back(result.imaginary[i - period]);
    }
    return result;
  };
  LinearDescription d;
  d.level = static_cast<u32>(top);
  d.plainScales = {party.prime(top)};
  d.outputScale = kScale;
  // Adding the conjugate leaves twice the real parts.
  LinearDescription::Output output{{{-1, {}, {}}}, {{0}}, -1};
  for (const std::size_t period : {slots / 8, std::size_t{4}, std::size_t{1}}) {
    const auto b = static_cast<u32>(d.babies.size());
    d.babies.push_back({0, -1, b == 0 ? std::vector<u32>{} : std::vector<u32>{b}, b});
    output.giants[0].terms.push_back({b, b});
    d.diagonals.push_back(repeating(period));
  }
  d.outputs = {output};
  std::vector<std::vector<std::uint8_t>> keys;
  for (const u32 step : {0, 1, 2}) keys.push_back(party.rotationKey(step, top));
  const Slots x = randomSlots(slots, random);
  const auto input = party.secret.encrypt(x, top, kScale);
  Slots expected(slots);
  for (std::size_t i = 0; i < slots; ++i) {
    for (std::size_t b = 0; b < d.diagonals.size(); ++b) expected[i] += 2 * d.diagonals[b].values[i] * x[(i + b) % slots];
  }
  const std::size_t whole = party.context->extendedCount(top) * shape.degree * sizeof(u64);
  std::vector<std::vector<std::uint8_t>> results;
  for (const std::size_t cache : {std::size_t{1} << 30, std::size_t{0}}) {
    Engine engine(party.context, {std::size_t{2} << 30, cache, threads, {}});
    for (u32 step = 0; step < keys.size(); ++step) engine.loadRotationKey(step, keys[step]);
    const u32 prepared = engine.prepareLinear(d);
    require(engine.cachedPlaintextBytes() < whole / 4, describe(shape) + ": repeating diagonals are kept whole");
    require(cache == 0 || engine.cachedPlaintextBytes() > 0, describe(shape) + ": repeating diagonals are not kept");
    const auto output = engine.linear(prepared, std::vector{engine.load(input)})[0];
    results.push_back(engine.store(output));
    requireClose(party.secret.decrypt(results.back(), engine.levelOf(output), engine.scaleOf(output)), expected, 2e-4,
                 "repeating diagonals " + describe(shape));
  }
  require(results[0] == results[1], describe(shape) + ": repeating diagonals depend on the cache");
}

/** c_0 + c_1 s modulo q_0 q_1, centred: for chains whose two lowest primes have 126 bits at most. */
std::vector<__int128> decryptedCoefficients(Party& party, Engine::Handle handle, std::size_t limbs) {
  const Context& context = *party.context;
  const std::size_t degree = context.degree();
  Pool pool(std::size_t{1} << 28);
  Threads threads(1, {});
  std::vector<std::uint8_t> bytes(party.secret.secretKeyBytes());
  party.secret.saveSecretKey(bytes);
  const auto key = secret::readSecretKey(context, pool, threads, bytes);
  const auto data = format::readCiphertext(context, pool, party.engine.store(handle));
  std::vector<std::vector<u64>> residues(limbs, std::vector<u64>(degree));
  for (std::size_t j = 0; j < limbs; ++j) {
    const Field& field = context.field(j);
    Block sum(pool, degree);
    field.multiply(sum.data(), data.polynomials[1].words.data() + j * degree, key.limb(j, degree), degree);
    field.add(sum.data(), sum.data(), data.polynomials[0].words.data() + j * degree, degree);
    field.inverse(residues[j].data(), sum.data(), field.constant(1));
  }
  const auto q = [&](std::size_t j) { return static_cast<__int128>(context.field(j).modulus()); };
  const auto power = [&](__int128 base, __int128 exponent, __int128 modulus) {
    __int128 result = 1;
    for (base %= modulus; exponent != 0; exponent /= 2, base = base * base % modulus) {
      if (exponent % 2 != 0) result = result * base % modulus;
    }
    return result;
  };
  std::vector<__int128> values(degree);
  for (std::size_t i = 0; i < degree; ++i) {
    __int128 value = residues[0][i], modulus = q(0);
    if (limbs == 2) {
      const __int128 difference = ((static_cast<__int128>(residues[1][i]) - value) % q(1) + q(1)) % q(1);
      value += q(0) * (difference * power(q(0) % q(1), q(1) - 2, q(1)) % q(1));
      modulus *= q(1);
    }
    values[i] = value > modulus / 2 ? value - modulus : value;
  }
  return values;
}

/** m + q_0 I with I as small as the weight of the ephemeral secret lets it be, and m as it was. */
void testRaise(const Shape& shape, std::size_t threads) {
  std::mt19937_64 random(7);
  Party party(shape, threads);
  const std::size_t top = party.context->topLevel(), weight = 40;
  const std::string here = describe(shape);
  const auto keys = party.secret.makeRaiseKeys(top, weight);
  party.engine.loadRaiseKeys(keys.encapsulation, keys.decapsulation);
  const Slots x = randomSlots(party.slots(), random);
  const double scale = std::pow(2.0, 30), q0 = party.prime(0);
  const auto low = party.encrypt(x, 0, scale);
  const auto raised = party.engine.raise(low, 16 * q0);
  require(party.engine.levelOf(raised) == top && party.engine.scaleOf(raised) == 16 * q0, here + " raise: level and scale");
  const auto before = decryptedCoefficients(party, low, 1), after = decryptedCoefficients(party, raised, 2);
  double squares = 0, largest = 0, noise = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double multiple = std::round(static_cast<double>(after[i] - before[i]) / q0);
    const auto rest = after[i] - before[i] - static_cast<__int128>(multiple) * static_cast<__int128>(q0);
    squares += multiple * multiple;
    largest = std::max(largest, std::fabs(multiple));
    noise = std::max(noise, std::fabs(static_cast<double>(rest)));
  }
  const double variance = squares / static_cast<double>(before.size()), expected = (weight + 1) / 12.0;
  require(std::fabs(variance / expected - 1) < 0.25, here + " raise: variance of I is " + std::to_string(variance));
  require(largest >= 3 && largest <= 12, here + " raise: |I| reaches " + std::to_string(largest));
  require(noise < 4096, here + " raise: error of " + std::to_string(noise));
  bool refused = false;
  try {
    party.engine.loadRaiseKeys(keys.decapsulation, keys.decapsulation);
  } catch (const format::FormatError&) {
    refused = true;
  }
  require(refused, here + " raise: a key of more primes in place of the narrow one");
}

/** Coefficients beyond integers are kept as limbs whether there is room or not: they count. */
void testLargeCoefficients(const Shape& shape) {
  std::mt19937_64 random(8);
  Party party(shape, 1);
  const std::size_t top = party.context->topLevel();
  LinearDescription d;
  d.level = static_cast<u32>(top);
  d.plainScales = {std::pow(2.0, 70)};
  d.outputScale = kScale;
  d.babies = {{0, -1, {}, 0}};
  d.diagonals = {{randomSlots(party.slots(), random), {}}};
  d.outputs = {{{{-1, {}, {{0, 0}}}}, {}, -1}};
  Engine engine(party.context, {std::size_t{2} << 30, 0, 1, {}, 1000});
  engine.prepareLinear(d);
  require(engine.cachedPlaintextBytes() >= party.context->extendedCount(top) * shape.degree * 4, describe(shape) + ": large coefficients are not counted");
}

/** Same bytes whatever the number of threads and the form of plaintexts. */
void testDeterminism(const Shape& shape) {
  std::mt19937_64 random(4);
  Party party(shape, 1);
  const std::size_t level = party.context->topLevel();
  const LinearDescription d = motley(party, level, random);
  std::vector<std::vector<std::uint8_t>> keys;
  const std::vector<u32> steps{1, 4};
  for (const u32 step : steps) keys.push_back(party.rotationKey(step, level));
  const auto first = party.secret.encrypt(randomSlots(party.slots(), random), level, kScale);
  const auto second = party.secret.encrypt(randomSlots(party.slots(), random), level, 1.5 * kScale);
  std::vector<std::uint8_t> reference;
  const std::size_t limb = shape.degree * sizeof(u64);
  for (const std::size_t threads : {1, 2, 3}) {
    for (const std::size_t cache : {std::size_t{0}, 3 * limb, 40 * limb, std::size_t{1} << 30}) {
      Engine engine(party.context, {std::size_t{2} << 30, cache, threads, {}});
      for (std::size_t i = 0; i < steps.size(); ++i) engine.loadRotationKey(steps[i], keys[i]);
      const std::vector<Engine::Handle> inputs{engine.load(first), engine.load(second)};
      std::vector<std::uint8_t> bytes;
      for (const auto output : engine.linear(engine.prepareLinear(d), inputs)) {
        const auto stored = engine.store(output);
        bytes.insert(bytes.end(), stored.begin(), stored.end());
      }
      require(engine.cachedPlaintextBytes() <= cache, "the plaintext cache exceeds its bound");
      if (reference.empty()) reference = bytes;
      require(bytes == reference, describe(shape) + ": results depend on threads or on the cache");
    }
  }
}

void testSquareTransforms(const Shape& shape) {
  std::mt19937_64 random(5);
  for (const bool horner : {false, true}) {
    Party party(shape, 2);
    const std::size_t level = party.context->topLevel();
    const LinearDescription d = squareTransform(party, level, kScale, 4, 4, horner, random);
    addKeys(party, d);
    const std::vector<Slots> inputs{randomSlots(party.slots(), random)};
    const std::vector<Engine::Handle> handles{party.encrypt(inputs[0], level, kScale)};
    const auto outputs = party.engine.linear(party.engine.prepareLinear(d), handles);
    requireClose(party.decrypt(outputs[0]), evaluatePlainly(d, inputs)[0], 2e-4, "transform " + describe(shape));
  }
}

/** y = (2 x^2 - 1) z + 0.5 x, with x dropped, in place and out of place. */
void testTape(const Shape& shape, std::size_t threads, std::size_t cacheBytes) {
  std::mt19937_64 random(6);
  Party party(shape, threads, cacheBytes);
  const std::size_t top = party.context->topLevel();
  party.addRelinearizationKey(top);
  const Slots x = randomSlots(party.slots(), random), z = randomSlots(party.slots(), random);
  const Slots half(party.slots(), 0.5);
  const double q = party.prime(top), p = party.prime(top - 1);
  const double s = std::sqrt(kScale * q), t = s * s / q;  // scales of the inputs and of 2 x^2 - 1
  Tape tape;
  tape.inputs = 2;
  tape.registers = 6;
  tape.outputs = {4};
  const auto lower = static_cast<u32>(top - 1);
  tape.plains = {{{{-1.0}, {}}, lower, t}, {{half, {}}, lower, t * s / s}, {{Slots(party.slots(), 0.0), {}}, lower, t}};
  tape.steps = {
      {Op::multiply, 2, 0, 0, 0, s * s},
      {Op::add, 2, 2, 2, 0, 0},
      {Op::relinearize, 2, 2, 0, 0, 0},
      {Op::rescale, 2, 2, 0, 0, t},
      {Op::addPlain, 2, 2, 0, 0, 0},
      {Op::dropToLevel, 3, 1, 0, lower, 0},
      {Op::multiply, 4, 2, 3, 0, t * s},
      {Op::dropToLevel, 5, 0, 0, lower, 0},
      {Op::release, 3, 0, 0, 0, 0},
      {Op::multiplyPlainAdd, 4, 4, 5, 1, 0},
      {Op::multiplyPlainAdd, 4, 4, 5, 2, 0},
      {Op::relinearize, 4, 4, 0, 0, 0},
      {Op::rescale, 4, 4, 0, 0, t * s / p},
  };
  const std::vector<Engine::Handle> inputs{party.encrypt(x, top, s), party.encrypt(z, top, s)};
  const std::size_t inUse = party.engine.memoryInUse();
  const u32 prepared = party.engine.prepareTape(tape);
  Slots expected(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] = (2 * x[i] * x[i] - 1) * z[i] + 0.5 * x[i];
  for (int again = 0; again < 2; ++again) {
    const auto outputs = party.engine.run(prepared, inputs);
    require(party.engine.levelOf(outputs[0]) == top - 2, "tape: level");
    requireClose(party.decrypt(outputs[0]), expected, 2e-4, "tape " + describe(shape));
    party.engine.free(outputs[0]);
  }
  requireClose(party.decrypt(inputs[0]), x, 1e-5, "tape: an input was changed");
  party.engine.forgetTape(prepared);
  require(party.engine.memoryInUse() == inUse, "tape: memory left over");
}

/** Wherever the cancellation comes, the call ends with it and leaves nothing behind. */
void testCancellation() {
  std::mt19937_64 random(7);
  std::atomic<std::int32_t> cancel{0}, heartbeat{0};
  const Shape shape{4096, chain(6), {46, 46}, 3};
  Party party(shape, 2, std::size_t{1} << 30, {&cancel, &heartbeat});
  const LinearDescription d = motley(party, 5, random);
  addKeys(party, d);
  const Slots x = randomSlots(party.slots(), random);
  const std::vector<Engine::Handle> handles{party.encrypt(x, 5, kScale), party.encrypt(x, 5, 1.5 * kScale)};
  const u32 prepared = party.engine.prepareLinear(d);
  const std::size_t inUse = party.engine.memoryInUse(), live = party.engine.liveHandles();
  const std::int32_t before = heartbeat;
  for (const auto handle : party.engine.linear(prepared, handles)) party.engine.free(handle);
  const std::int32_t beats = heartbeat - before;
  require(beats > 50, "the heart does not beat");
  int cancelled = 0;
  for (int part = 0; part < 10; ++part) {
    const std::int32_t at = heartbeat + beats * part / 10;
    std::thread canceller([&] {
      while (heartbeat < at) std::this_thread::yield();
      cancel = 1;
    });
    try {
      for (const auto handle : party.engine.linear(prepared, handles)) party.engine.free(handle);
    } catch (const Cancelled&) {
      ++cancelled;
    }
    canceller.join();
    cancel = 0;
    require(party.engine.memoryInUse() == inUse && party.engine.liveHandles() == live, "a cancelled call leaves something behind");
  }
  require(cancelled >= 5, "cancellation is not heard");
}

/** Under less and less memory a transform succeeds, then throws MemoryExceeded; it never leaks, and never exceeds the bound. */
void testMemoryBound() {
  std::mt19937_64 random(8);
  const Shape shape{4096, chain(6), {46, 46}, 3};
  Party party(shape, 1);
  const LinearDescription d = squareTransform(party, 5, kScale, 4, 8, true, random);
  const auto input = party.secret.encrypt(randomSlots(party.slots(), random), 5, kScale);
  std::vector<std::pair<u32, std::vector<std::uint8_t>>> keys;
  for (const u32 step : {1, 2, 3, 4}) keys.emplace_back(step, party.rotationKey(step, 5));
  std::vector<std::uint8_t> reference;
  int succeeded = 0, exceeded = 0;
  for (std::size_t mebibytes = 64; mebibytes >= 4; mebibytes -= mebibytes > 24 ? 8 : 1) {
    const std::size_t limit = mebibytes << 20;
    try {
      Engine engine(party.context, {limit, 0, 2, {}});
      for (const auto& [step, bytes] : keys) engine.loadRotationKey(step, bytes);
      const std::vector<Engine::Handle> handles{engine.load(input)};
      const u32 prepared = engine.prepareLinear(d);
      const std::size_t inUse = engine.memoryInUse();
      try {
        const auto outputs = engine.linear(prepared, handles);
        const auto bytes = engine.store(outputs[0]);
        if (reference.empty()) reference = bytes;
        require(bytes == reference, "results depend on the memory limit");
        engine.free(outputs[0]);
        ++succeeded;
      } catch (const MemoryExceeded&) {
        ++exceeded;
      }
      require(engine.memoryInUse() == inUse, "memory left over under a tight limit");
      require(engine.memoryBytes() <= limit, "the memory limit is exceeded");
    } catch (const MemoryExceeded&) {
      ++exceeded;
    }
  }
  require(succeeded >= 3 && exceeded >= 3, "the memory bound was not tried from both sides");
}

template <class Call>
void requireError(const char* code, const std::string& what, Call call) {
  std::string found = "nothing";
  try {
    call();
  } catch (const EngineError& error) {
    found = error.code;
  }
  require(found == code, what + " gives " + found);
}

void testErrors() {
  std::mt19937_64 random(9);
  Party party({1024, chain(3), {45}, 3}, 1);
  Engine& engine = party.engine;
  const Slots x = randomSlots(party.slots(), random);
  const auto a = party.encrypt(x, 2, kScale), b = party.encrypt(x, 1, kScale);
  requireError("KEY_MISSING", "a missing rotation key", [&] { engine.run(only(Op::rotate, 5), a, 0, nullptr); });
  requireError("INTERNAL", "a sum over levels", [&] { engine.run(only(Op::add), a, b, nullptr); });
  requireError("INTERNAL", "an unknown handle", [&] { engine.run(only(Op::copy), 12345, 0, nullptr); });
  requireError("INTERNAL", "a product at a wrong scale", [&] { engine.run(only(Op::multiply, 0, kScale), a, a, nullptr); });
  requireError("INTERNAL", "a switch upwards", [&] { engine.run(only(Op::dropToLevel, 2), b, 0, nullptr); });
  const TapePlain huge{{Slots(party.slots(), 1e30), {}}, 2, kScale}, infinite{{Slots(party.slots(), INFINITY), {}}, 2, kScale};
  requireError("PLAINTEXT_INVALID", "a huge plaintext", [&] { engine.run(only(Op::addPlain), a, 0, &huge); });
  requireError("PLAINTEXT_INVALID", "an infinite plaintext", [&] { engine.run(only(Op::addPlain), a, 0, &infinite); });
  LinearDescription d = motley(party, 2, random);
  d.outputs[0].giants[0].into = 0;
  requireError("INTERNAL", "a giant that flows into itself", [&] { engine.prepareLinear(d); });
  d = motley(party, 2, random);
  d.babies[1].from = 1;
  requireError("INTERNAL", "a baby from itself", [&] { engine.prepareLinear(d); });
  d = motley(party, 2, random);
  d.diagonals[7].positions[0] = static_cast<u32>(party.slots());
  requireError("INTERNAL", "a position beyond the slots", [&] { engine.prepareLinear(d); });
}

/** Scales beyond 2^63: coefficients that no word holds. */
void testLargeScales() {
  std::mt19937_64 random(10);
  Party party({1024, {60, 60, 60}, {60}, 3}, 1);
  Engine& engine = party.engine;
  const Slots x = randomSlots(party.slots(), random), y = randomSlots(party.slots(), random);
  const double large = std::pow(2.0, 90), small = std::pow(2.0, 30);
  const auto a = party.encrypt(x, 2, small);
  const TapePlain factor{{y, {}}, 2, large};
  const auto product = engine.run(only(Op::multiplyPlain, 0, small * large), a, 0, &factor);
  const double scale = small * large / party.prime(2);
  Slots expected(x);
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] *= y[i];
  requireClose(party.decrypt(engine.run(only(Op::rescale, 0, scale), product, 0, nullptr)), expected, 1e-3, "large scale");
  const TapePlain constant{{{-0.375}, {}}, 2, large};
  const auto scaled = engine.run(only(Op::multiplyPlain, 0, small * large), a, 0, &constant);
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] = -0.375 * x[i];
  requireClose(party.decrypt(engine.run(only(Op::rescale, 0, scale), scaled, 0, nullptr)), expected, 1e-3, "large constant");
}

void testAll() {
  const std::size_t limb = 1024 * sizeof(u64);
  for (const Shape& shape : shapes(1024)) {
    testPrimitives(shape, 1);
    testTruncatedKeys(shape);
    testHoistedSwitches(shape);
    testLinear(shape, 1, std::size_t{1} << 30);
    testLinear(shape, 2, 20 * limb);
    testComplexTransforms(shape, std::size_t{1} << 30);
    testComplexTransforms(shape, 0);
    testRepeatingDiagonals(shape, 2);
    testTape(shape, 1, std::size_t{1} << 30);
    testTape(shape, 3, 0);
  }
  for (const Shape& shape : {shapes(1024)[1], shapes(2048)[2]}) {
    testRaise(shape, 1);
    testRaise(shape, 3);
  }
  testLargeCoefficients(shapes(1024)[0]);
  testDeterminism(shapes(1024)[0]);
  testDeterminism(shapes(1024)[1]);
  testErrors();
  testLargeScales();
  testCancellation();
  testMemoryBound();
  for (const std::size_t degree : {2048, 4096, 8192}) {
    testPrimitives(shapes(degree)[1], 2);
    testLinear(shapes(degree)[2], 3, std::size_t{1} << 30);
    testSquareTransforms(shapes(degree)[0]);
    testComplexTransforms(shapes(degree)[2], std::size_t{1} << 30);
  }
  for (const std::size_t degree : {16384, 32768, 65536}) testSquareTransforms(shapes(degree)[1]);
}

}  // namespace
}  // namespace he::testing

int main() {
  he::testing::testAll();
  std::puts("engine: ok");
}
