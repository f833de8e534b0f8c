/**
 * Mutates valid inputs for a bounded time and hands them to a fuzz target of libFuzzer's form, for compilers that do not have
 * libFuzzer. What it looks for are findings of the sanitizers, crashes and exceptions; seeds are printed, so that a run can be
 * repeated: fuzz_x SECONDS [SEED].
 */
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <random>
#include <vector>

using Input = std::vector<std::uint8_t>;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
/** Valid inputs to begin with. */
std::vector<Input> fuzzSeeds();

namespace {

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  Input mutate(const std::vector<Input>& seeds) {
    Input input = seeds[below(seeds.size())];
    for (std::size_t left = 1 + below(4); left > 0; --left) change(input, seeds);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  /** Headers are short and what follows is long: half of the changes go to the beginning. */
  std::size_t place(const Input& input) {
    return random_() % 2 == 0 ? below(std::min<std::size_t>(input.size(), 256)) : below(input.size());
  }

  void change(Input& input, const std::vector<Input>& seeds) {
    static constexpr std::uint64_t kOdd[] = {0, 1, 0x7f, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 40, 1ull << 61, ~0ull};
    if (input.empty()) {
      input.assign(1 + below(64), static_cast<std::uint8_t>(random_()));
      return;
    }
    const std::size_t at = place(input);
    switch (random_() % 7) {
      case 0:
        input[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        input[at] = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        input.resize(at);
        break;
      case 3:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), 1 + below(16), static_cast<std::uint8_t>(random_()));
        break;
      case 4:
        input.erase(input.begin() + static_cast<std::ptrdiff_t>(at),
                    input.begin() + static_cast<std::ptrdiff_t>(at + 1 + below(std::min<std::size_t>(16, input.size() - at))));
        break;
      case 5: {  // A whole number, little-endian, of a size that lengths and counts have.
        const std::uint64_t value = kOdd[below(std::size(kOdd))];
        for (std::size_t i = 0; i < 8 && at + i < input.size(); ++i) input[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
        break;
      }
      default: {  // A piece of another input.
        const Input& other = seeds[below(seeds.size())];
        const std::size_t length = std::min(input.size() - at, below(std::min<std::size_t>(other.size(), 64)));
        const std::size_t from = below(other.size() - length + 1);
        for (std::size_t i = 0; i < length; ++i) input[at + i] = other[from + i];
      }
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int count, char** arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 5;
  const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 0) : std::random_device()();
  std::vector<Input> seeds = fuzzSeeds();
  for (const Input& input : seeds) LLVMFuzzerTestOneInput(input.data(), input.size());
  if (seeds.empty()) seeds.emplace_back();
  Mutator mutator(seed);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t runs = 0;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
    const Input input = mutator.mutate(seeds);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ++runs;
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(runs));
  return 0;
}
