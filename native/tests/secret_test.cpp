/** Samplers against their distributions, keys against their defining equation, encryption against its predicted error. */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

#include "../engine/encryption.h"
#include "../random/samplers.h"
#include "../random/system-random.h"
#include "../secret/secret-side.h"
#include "check.h"

using namespace he;
using namespace he::secret;

namespace {

test::Report report;

constexpr std::size_t kMemory = std::size_t{3} << 30;

SecretSide open(std::shared_ptr<const Context> context, std::optional<format::Bytes> saved = {}) {
  return SecretSide(std::move(context), {kMemory, 2, {}}, saved);
}

std::vector<std::uint8_t> save(const SecretSide& side) {
  std::vector<std::uint8_t> bytes(side.secretKeyBytes());
  side.saveSecretKey(bytes);
  return bytes;
}

/** P(|x| <= k) of the discrete Gaussian of deviation 3.2. */
long double cumulative(int k) {
  const auto weight = [](int x) { return std::exp(-static_cast<long double>(x) * x / (2 * 3.2L * 3.2L)); };
  long double total = weight(0), below = weight(0);
  for (int x = 1; x <= 60; x++) {
    total += 2 * weight(x);
    if (x <= k) below += 2 * weight(x);
  }
  return below / total;
}

void errorTable() {
  // The threshold of each magnitude, found by bisection, is the table's entry.
  for (int k = 0; k < random::kErrorBound; k++) {
    u64 low = 0, high = u64{1} << 63;
    while (high - low > 1) {
      const u64 middle = low + (high - low) / 2;
      (random::errorOfWord(middle) > k ? high : low) = middle;
    }
    const long double probability = static_cast<long double>(high) / static_cast<long double>(u64{1} << 63);
    // 63 bits of table and 64 of long double.
    report.check(std::fabs(probability - cumulative(k)) < 0x1p-60L, "table entry " + std::to_string(k));
  }
  report.check(random::errorOfWord(~u64{0}) == -random::kErrorBound, "the largest word gives the bound");
  report.check(random::errorOfWord(0) == 0 && random::errorOfWord(u64{1} << 63) == 0, "zero has no sign");
  report.check(1 - cumulative(random::kErrorBound) < 0x1p-63L, "what is cut off weighs nothing");
}

/** Pearson's statistic, and the bound that it exceeds once in a million runs (Wilson and Hilferty). */
void chiSquared(const std::vector<double>& observed, const std::vector<double>& expected, const std::string& what) {
  double statistic = 0;
  for (std::size_t i = 0; i < observed.size(); i++) statistic += std::pow(observed[i] - expected[i], 2) / expected[i];
  const double freedom = static_cast<double>(observed.size()) - 1;
  const double bound = freedom * std::pow(1 - 2 / (9 * freedom) + 4.753 * std::sqrt(2 / (9 * freedom)), 3);
  report.check(statistic < bound, what + ": chi-squared " + std::to_string(statistic) + " above " + std::to_string(bound));
}

void samplerStatistics() {
  const std::size_t count = std::size_t{1} << 20;
  std::vector<std::int8_t> values(count);
  random::sampleError(values);
  // |x| <= 14 each; further out fewer than five are expected.
  std::vector<double> observed(30), expected(30);
  double sum = 0, squares = 0, lagged = 0;
  for (std::size_t i = 0; i < count; i++) {
    const int x = values[i];
    sum += x;
    squares += x * x;
    lagged += i == 0 ? 0 : x * values[i - 1];
    observed[static_cast<std::size_t>(std::abs(x) > 14 ? 29 : x + 14)]++;
  }
  for (int x = -14; x <= 14; x++) {
    const long double p = x == 0 ? cumulative(0) : (cumulative(std::abs(x)) - cumulative(std::abs(x) - 1)) / 2;
    expected[static_cast<std::size_t>(x + 14)] = static_cast<double>(p) * static_cast<double>(count);
  }
  expected[29] = static_cast<double>(1 - cumulative(14)) * static_cast<double>(count);
  chiSquared(observed, expected, "errors");
  // Five deviations of each estimate.
  const double n = static_cast<double>(count);
  report.near(sum / n, 0, 5 * 3.2 / std::sqrt(n), "mean error");
  report.near(squares / n, 10.24, 5 * 10.24 * std::sqrt(2 / n), "variance of errors");
  report.near(lagged / n, 0, 5 * 10.24 / std::sqrt(n), "covariance of neighbours");

  random::sampleTernary(values);
  std::vector<double> ternary(3);
  for (const std::int8_t value : values) {
    report.check(value >= -1 && value <= 1, "a ternary value");
    ternary[static_cast<std::size_t>(value + 1)]++;
  }
  chiSquared(ternary, std::vector<double>(3, n / 3), "ternary");
}

/** The weight is exact; places are as often the ones of the weight, and signs as often negative, as chance has it. */
void sparseStatistics() {
  const std::size_t degree = 2048, weight = 40, runs = 4000, bins = 32;
  std::vector<std::int8_t> values(degree);
  std::vector<double> places(bins), signs(2);
  for (std::size_t run = 0; run < runs; run++) {
    random::sampleSparse(values, weight);
    std::size_t found = 0;
    for (std::size_t i = 0; i < degree; i++) {
      if (values[i] == 0) continue;
      report.check(std::abs(values[i]) == 1, "a value of a sparse secret");
      found++;
      places[i * bins / degree]++;
      signs[values[i] > 0]++;
    }
    report.check(found == weight, "a sparse secret has the weight asked for");
  }
  const double n = static_cast<double>(runs * weight);
  chiSquared(places, std::vector<double>(bins, n / static_cast<double>(bins)), "places of a sparse secret");
  chiSquared(signs, std::vector<double>(2, n / 2), "signs of a sparse secret");
  for (const std::size_t all : {std::size_t{0}, degree}) {
    random::sampleSparse(values, all);
    report.check(static_cast<std::size_t>(std::count(values.begin(), values.end(), 0)) == degree - all, "no weight, and all");
  }
}

void residues() {
  const u64 q = 1152921504606748673;
  std::vector<std::int8_t> small;
  for (int x = -29; x <= 29; x++) small.push_back(static_cast<std::int8_t>(x));
  std::vector<u64> out(small.size()), sum(small.size());
  random::toResidues(out.data(), small, q);
  for (const u64 start : {u64{0}, u64{5}, q - 1, q - 3}) {
    std::fill(sum.begin(), sum.end(), start);
    random::addResidues(sum.data(), small, q);
    for (std::size_t i = 0; i < small.size(); i++) {
      const u64 expected = small[i] < 0 ? q - static_cast<u64>(-small[i]) : static_cast<u64>(small[i]);
      report.check(out[i] == expected && sum[i] == (start + expected) % q, "residues of small values");
    }
  }
}

/** The secret key over all limbs, NTT form, from its file: the last words are all there is to it. */
std::vector<u64> limbsOf(const Context& context, const std::vector<std::uint8_t>& saved) {
  std::vector<u64> words((context.topLevel() + 1 + context.specialCount()) * context.degree());
  std::memcpy(words.data(), saved.data() + saved.size() - words.size() * 8, words.size() * 8);
  return words;
}

/** b + a s - message must be one small polynomial, the same over every limb. */
std::vector<double> smallError(const Context& context, std::span<const std::size_t> limbs, const u64* b, const u64* a,
                               const std::vector<u64>& secret, const std::vector<std::vector<u64>>& message) {
  const std::size_t degree = context.degree();
  std::vector<double> errors(degree);
  std::vector<u64> e(degree + 8);
  u64* aligned = reinterpret_cast<u64*>((reinterpret_cast<std::uintptr_t>(e.data()) + 63) & ~std::uintptr_t{63});
  for (std::size_t i = 0; i < limbs.size(); i++) {
    const Field& field = context.field(limbs[i]);
    const u64 q = field.modulus();
    for (std::size_t k = 0; k < degree; k++) {
      const u64 product = static_cast<u64>(static_cast<unsigned __int128>(a[i * degree + k]) * secret[limbs[i] * degree + k] % q);
      const u64 sum = (b[i * degree + k] + product) % q;
      aligned[k] = message[i].empty() ? sum : (sum + q - message[i][k]) % q;
    }
    field.inverse(aligned, aligned, field.constant(1));
    for (std::size_t k = 0; k < degree; k++) {
      const double value = aligned[k] > q / 2 ? -static_cast<double>(q - aligned[k]) : static_cast<double>(aligned[k]);
      if (i == 0) errors[k] = value;
      report.check(errors[k] == value, "one error over every prime");
    }
  }
  return errors;
}

void checkErrors(const std::vector<double>& errors, const std::string& what) {
  double squares = 0, largest = 0;
  for (const double e : errors) {
    squares += e * e;
    largest = std::max(largest, std::fabs(e));
  }
  const double n = static_cast<double>(errors.size());
  report.check(largest <= random::kErrorBound, what + ": an error of " + std::to_string(largest));
  report.near(squares / n, 10.24, 6 * 10.24 * std::sqrt(2 / n), what + ": variance");
}

/** Every key's digits encrypt P times the source, on the digit's own primes, with fresh small errors. */
void keyEquations(const Parameters& parameters) {
  const auto context = Context::create(parameters);
  const std::size_t degree = context->degree();
  SecretSide side = open(context);
  const std::vector<u64> secret = limbsOf(*context, save(side));
  Pool pool(kMemory);
  for (std::size_t level = 0; level <= context->topLevel(); level++) {
    const auto limbs = format::keyLimbs(*context, level);
    // Relinearization, conjugation, and a rotation.
    for (const int step : {-1, 0, 5}) {
      u64 element = 1;
      for (int i = 0; i < step; i++) element = element * 3 % (2 * degree);
      if (step == 0) element = 2 * degree - 1;
      std::vector<std::uint8_t> bytes(step < 0 ? side.relinearizationKeyBytes(level)
                                               : side.rotationKeyBytes(static_cast<std::size_t>(step), level));
      if (step < 0) {
        side.makeRelinearizationKey(level, bytes);
      } else {
        side.makeRotationKey(static_cast<std::size_t>(step), level, bytes);
      }
      const auto key = format::readSwitchingKey(*context, pool, bytes, step < 0 ? 0 : (element - 1) / 2);
      for (std::size_t digit = 0; digit < key.digits.size(); digit++) {
        std::vector<std::vector<u64>> message(limbs.size());
        for (std::size_t limb = 0; limb <= level; limb++) {
          if (limb / context->alpha() != digit) continue;
          const u64 q = context->field(limb).modulus();
          const u64* s = secret.data() + limb * degree;
          std::vector<u64> source(degree);
          if (step < 0) {
            for (std::size_t k = 0; k < degree; k++) source[k] = static_cast<u64>(static_cast<unsigned __int128>(s[k]) * s[k] % q);
          } else {
            permute(*makeAutomorphism(element, degree), source.data(), s);
          }
          u64 factor = 1;
          for (const u64 prime : parameters.specialPrimes) {
            factor = static_cast<u64>(static_cast<unsigned __int128>(factor) * (prime % q) % q);
          }
          for (u64& value : source) value = static_cast<u64>(static_cast<unsigned __int128>(value) * factor % q);
          message[limb] = source;
        }
        const auto& [b, a] = key.digits[digit];
        checkErrors(smallError(*context, limbs, b.words.data(), a.words.data(), secret, message),
                    "digit " + std::to_string(digit) + " at level " + std::to_string(level));
      }
    }
  }
  const auto publicKey = format::readPublicKey(*context, pool, side.makePublicKey());
  const auto all = format::keyLimbs(*context, context->topLevel());
  checkErrors(smallError(*context, all, publicKey.polynomials[0].words.data(), publicKey.polynomials[1].words.data(), secret,
                         std::vector<std::vector<u64>>(all.size())),
              "public key");
  report.check(side.makePublicKey() != side.makePublicKey(), "public keys differ");
}

std::vector<double> someSlots(std::size_t count) {
  std::vector<double> slots(count);
  for (std::size_t i = 0; i < count; i++) slots[i] = std::cos(static_cast<double>(i));
  return slots;
}

/**
 * The error of a slot is the real part of e(zeta): variance N var(e) / 2 / scale^2, which scatters around it by itself; rounding of the
 * encoder adds 1/12 to the variance of a coefficient.
 */
void errorOf(const std::vector<double>& decrypted, const std::vector<double>& slots, double variance, double scale,
             const std::string& what) {
  double squares = 0;
  for (std::size_t i = 0; i < slots.size(); i++) squares += std::pow((decrypted[i] - slots[i]) * scale, 2);
  const double ratio = squares / static_cast<double>(slots.size()) / (static_cast<double>(slots.size()) * variance);
  // The mean over N/2 slots has relative deviation sqrt(2 / (N/2)); six of them.
  report.near(ratio, 1, 6 * std::sqrt(4 / static_cast<double>(2 * slots.size())), what + ": error over prediction");
}

void encryption(const Parameters& parameters, double scale) {
  const auto context = Context::create(parameters);
  const std::size_t degree = context->degree();
  SecretSide side = open(context);
  SecretSide reopened = open(context, save(side));
  PublicEncryptor encryptor(context, kMemory, 2, {}, side.makePublicKey());
  const std::vector<double> slots = someSlots(degree / 2);
  const double n = static_cast<double>(degree);
  for (const std::size_t level : {context->topLevel(), std::size_t{1}, std::size_t{0}}) {
    const std::string where = "N = " + std::to_string(degree) + ", level " + std::to_string(level);
    const auto symmetric = side.encrypt(slots, level, scale);
    errorOf(reopened.decrypt(symmetric, level, scale), slots, 10.24 + 1.0 / 12, scale, where + ", symmetric");
    report.refuses<format::FormatError>([&] { side.decrypt(symmetric, level == 0 ? 1 : 0, scale); }, "found level", where);
    // Rounding of both halves after the division by P, the second times s with variance 2/3 per coefficient.
    const double rounding = (1 + n * 2 / 3) / 12;
    errorOf(reopened.decrypt(encryptor.encrypt(slots, level, scale), level, scale), slots, rounding + 1.0 / 12, scale,
            where + ", public key");
  }
}

/** What comes of a modulus that has wrapped around is spread over it evenly, as under another key, and shows in the imaginary parts. */
void implausibleValues() {
  const auto context = Context::create(test::makeParameters(1024, 36, 2, 30, 1, 36, 3));
  SecretSide side = open(context);
  SecretSide other = open(context);
  const double scale = std::exp2(30), limit = 1.0 / 64;
  for (std::size_t level = 0; level <= 1; level++) {
    for (const double size : {0.0, 1.0, 8.0}) {
      std::vector<double> slots = someSlots(512);
      for (double& slot : slots) slot *= size;
      const auto bytes = side.encrypt(slots, level, scale);
      report.check(side.decrypt(bytes, level, scale, limit).size() == 512, "values within the modulus are plausible");
      report.refuses<Implausible>([&] { other.decrypt(bytes, level, scale, limit); }, "implausible", "values all over the modulus");
      report.check(other.decrypt(bytes, level, scale).size() == 512, "without a limit nothing is refused");
    }
  }
  // The limit is held against the noise itself: fresh errors have deviation 3.2 in 1024 coefficients, half of it imaginary.
  const double noise = std::sqrt((10.24 + 1.0 / 12) * 512) / scale;
  const auto bytes = side.encrypt(someSlots(512), 1, scale);
  report.check(side.decrypt(bytes, 1, scale, 1.2 * noise).size() == 512, "noise as forecast");
  report.refuses<Implausible>([&] { side.decrypt(bytes, 1, scale, noise / 1.2); }, "implausible", "more noise than forecast");
}

/** Values of every size up to half the modulus come back through all the primes. */
void largeValues() {
  const auto context = Context::create(test::makeParameters(1024, 60, 3, 40, 1, 60, 4));
  SecretSide side = open(context);
  for (std::size_t level = 0; level <= 3; level++) {
    for (double bits = 20; bits < context->modulusBits(level) - 7; bits += 7) {
      std::vector<double> slots = someSlots(512);
      for (double& slot : slots) slot *= std::exp2(bits);
      const auto decrypted = side.decrypt(side.encrypt(slots, level, 1.0), level, 1.0);
      double worst = 0;
      for (std::size_t i = 0; i < 512; i++) worst = std::max(worst, std::fabs(decrypted[i] - slots[i]));
      // Noise of fresh encryption, and doubles of 53 bits through two transforms.
      report.check(worst < 1000 + std::exp2(bits - 46), "values of 2^" + std::to_string(bits) + " at level " + std::to_string(level));
    }
    report.refuses<std::invalid_argument>(
        [&] { side.encrypt(std::vector<double>(512, std::exp2(context->modulusBits(level))), level, 1.0); }, "too large", "values beyond the modulus");
  }
  // Noise must be there however large the values are: doubles could swallow it.
  const std::vector<double> huge(512, std::exp2(100));
  const auto first = side.encrypt(huge, 3, 1.0), second = side.encrypt(huge, 3, 1.0);
  Pool pool(kMemory);
  const std::vector<u64> secret = limbsOf(*context, save(side));
  std::map<u64, int> different;
  const auto phase = [&](const std::vector<std::uint8_t>& bytes) {
    const auto ciphertext = format::readCiphertext(*context, pool, bytes);
    std::vector<u64> words(1024 + 8);
    u64* out = reinterpret_cast<u64*>((reinterpret_cast<std::uintptr_t>(words.data()) + 63) & ~std::uintptr_t{63});
    const Field& field = context->field(0);
    field.multiply(out, ciphertext.polynomials[1].words.data(), secret.data(), 1024);
    field.add(out, out, ciphertext.polynomials[0].words.data(), 1024);
    field.inverse(out, out, field.constant(1));
    return std::vector<u64>(out, out + 1024);
  };
  const auto one = phase(first), two = phase(second);
  const u64 q = context->field(0).modulus();
  for (std::size_t k = 0; k < 1024; k++) different[(one[k] + q - two[k]) % q]++;
  report.check(different.size() > 10, "large values are encrypted with noise");
}

void refusedKeys() {
  const auto context = Context::create(test::makeParameters(1024, 50, 2, 36, 2, 50, 3));
  SecretSide side = open(context);
  const std::vector<std::uint8_t> good = save(side);
  const auto refuses = [&](std::vector<std::uint8_t> bytes, const char* part) {
    report.refuses<format::FormatError>([&] { open(context, bytes); }, part, part);
  };
  const std::size_t words = good.size() - 5 * 1024 * 8;
  for (std::size_t length = 0; length < good.size(); length += length < 120 ? 1 : 1009) {
    report.refuses<format::FormatError>([&] { open(context, format::Bytes(good).first(length)); }, "", "a part of a key");
  }
  auto changed = good;
  changed[words] ^= 1;
  refuses(changed, "not -1, 0 and 1");
  changed = good;
  changed[words + 3 * 1024 * 8] ^= 1;
  refuses(changed, "not the same over every prime");
  changed = good;
  changed[20] ^= 1;
  refuses(changed, "other parameters");
  changed = good;
  changed[56] = 1;
  refuses(changed, "scale");
  changed = good;
  changed.push_back(0);
  refuses(changed, "too many");
  report.refuses<std::invalid_argument>([&] { side.rotationKeyBytes(512, 0); }, "rotation steps", "a step too large");
  report.refuses<std::invalid_argument>([&] { side.relinearizationKeyBytes(3); }, "levels", "a level too high");
  report.refuses<std::invalid_argument>([&] { side.encrypt(std::vector<double>(511), 0, 1.0); }, "512 slots", "too few slots");
  report.refuses<std::invalid_argument>([&] { side.encrypt(someSlots(512), 0, NAN); }, "scale", "no scale");
  report.check(save(open(context, good)) == good, "a key that is read is written as it was");
}

#if defined(__linux__)
/** How often 64 bytes, given inverted so that the search does not find itself, stand in this process's memory. */
int occurrences(const std::vector<std::uint8_t>& inverted) {
  std::ifstream maps("/proc/self/maps");
  std::ifstream memory("/proc/self/mem", std::ios::binary);
  int found = 0;
  std::vector<char> page(1 << 20);
  for (std::string line; std::getline(maps, line);) {
    std::size_t begin = 0, end = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%zx-%zx %4s", &begin, &end, access) != 3 || access[0] != 'r' || access[1] != 'w') continue;
    // Shadow memory of a sanitizer is terabytes of nothing.
    if (end - begin > (std::size_t{1} << 33)) continue;
    for (std::size_t at = begin; at < end; at += page.size() - 64) {
      const std::size_t length = std::min(page.size(), end - at);
      memory.clear();
      memory.seekg(static_cast<std::streamoff>(at));
      memory.read(page.data(), static_cast<std::streamsize>(length));
      if (memory.gcount() != static_cast<std::streamsize>(length)) continue;
      for (std::size_t i = 0; i + 64 <= length; i += 8) {
        bool equal = true;
        for (std::size_t k = 0; equal && k < 64; k++) equal = static_cast<std::uint8_t>(~page[i + k]) == inverted[k];
        found += equal;
      }
    }
    format::wipe(page.data(), page.size());
  }
  return found;
}

/** The last 64 bytes of a key, inverted; its file's bytes are wiped. */
std::vector<std::uint8_t> fingerprint(std::vector<std::uint8_t> saved) {
  std::vector<std::uint8_t> inverted;
  for (std::size_t i = saved.size() - 64; i < saved.size(); i++) inverted.push_back(static_cast<std::uint8_t>(~saved[i]));
  format::wipe(saved.data(), saved.size());
  return inverted;
}

void wiped() {
  const auto context = Context::create(test::makeParameters(4096, 50, 2, 36, 1, 50, 3));
  SecretSide side = open(context);
  const auto used = fingerprint(save(side));
  std::vector<std::uint8_t> key(side.rotationKeyBytes(1, 2));
  side.makeRotationKey(1, 2, key);
  side.decrypt(side.encrypt(someSlots(2048), 2, 0x1p30), 2, 0x1p30);
  report.check(occurrences(used) == 1, "a key in use is in memory once");

  // The pool outlives the keys, and keeps their memory.
  Pool pool(kMemory);
  Threads threads(2);
  std::vector<std::uint8_t> bytes(secretKeyBytes(*context)), inverted;
  {
    const SecretKey made = makeSecretKey(*context, pool, threads);
    writeSecretKey(*context, made, bytes);
    inverted = fingerprint(bytes);
    const SecretKey read = readSecretKey(*context, pool, threads, bytes);
    format::wipe(bytes.data(), bytes.size());
    report.check(occurrences(inverted) == 2, "a key made and the same key read are in memory");
  }
  report.check(pool.bytesHeld() > 0, "the pool has kept the memory");
  report.check(occurrences(inverted) == 0, "keys are wiped when they go");
}
#else
void wiped() {}
#endif

}  // namespace

int main() {
  errorTable();
  samplerStatistics();
  sparseStatistics();
  residues();
  keyEquations(test::makeParameters(1024, 60, 2, 40, 1, 60, 3));
  keyEquations(test::makeParameters(1024, 50, 4, 36, 2, 50, 2));
  keyEquations(test::makeParameters(2048, 45, 3, 45, 4, 45, 1));
  for (std::size_t degree = 1024; degree <= 65536; degree *= 2) {
    encryption(test::makeParameters(degree, 50, 3, 40, 2, 50, 2), 0x1p38);
  }
  encryption(test::makeParameters(8192, 60, 2, 40, 1, 60, 3), 0x1p40);
  implausibleValues();
  largeValues();
  refusedKeys();
  wiped();
  return report.finish();
}
