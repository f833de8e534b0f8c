/**
 * Times every kernel on every path that the machine has, beside the machine's own limits, and prints JSON.
 *   kernels [degree...]      (default 8192 16384 32768 65536)
 * ns: the median of many runs, operands where the last run left them. Of each kernel also the bytes that it must read and write
 * (with the tables of roots) and, on vector paths, the fewest vector multiplications: ns beside bytes / bandwidth and
 * multiplications / rate tells how far from the limits it is. `pairs` says what two threads that share nothing get done in the time
 * that one needs for half of it: 2 on two idle cores, less where they share a core, its caches or the memory's bandwidth.
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "../core/cpu.h"
#include "../core/kernels.h"
#include "../core/memory.h"
#include "../core/number-theory.h"
#include "../engine/multiversion.h"

namespace {

using namespace he;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

/** Sorted ns of one call, over at least 60 ms. */
std::vector<double> timesOf(const std::function<void()>& body) {
  body();
  const Clock::time_point first = Clock::now();
  body();
  const int inner = std::max(1, static_cast<int>(20000 / (since(first) + 1)));
  std::vector<double> times;
  for (const Clock::time_point begin = Clock::now(); times.size() < 9 || since(begin) < 60e6;) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < inner; i++) body();
    times.push_back(since(start) / inner);
  }
  std::sort(times.begin(), times.end());
  return times;
}
double median(const std::function<void()>& body) {
  const std::vector<double> times = timesOf(body);
  return times[times.size() / 2];
}
/** For limits: what the machine can do when nothing else is in its way. */
double best(const std::function<void()>& body) { return timesOf(body).front(); }

bool firstEntry = true;
void entry(const char* format, const auto&... values) {
  std::printf(firstEntry ? "\n    " : ",\n    ");
  std::printf(format, values...);
  firstEntry = false;
}

HE_MULTIVERSION void triadOf(double* __restrict x, const double* __restrict y, const double* __restrict z, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) x[i] = y[i] + 3 * z[i];
}

/** Bandwidth of a[i] = b[i] + 3 c[i] over a working set of so many bytes, all three arrays counted once. */
double triad(std::size_t bytes) {
  const std::size_t n = bytes / 24 / 64 * 64;
  Pool pool(std::size_t{1} << 30);
  const Block a(pool, n), b(pool, n), c(pool, n);
  double *x = reinterpret_cast<double*>(a.data()), *y = reinterpret_cast<double*>(b.data()), *z = reinterpret_cast<double*>(c.data());
  for (std::size_t i = 0; i < n; i++) x[i] = 0, y[i] = 1, z[i] = 2;
  const double ns = best([&] {
    triadOf(x, y, z, n);
    __asm__ volatile("" ::: "memory");
  });
  return static_cast<double>(24 * n) / ns;
}

#if defined(__x86_64__)
#define TWELVE(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11)
#define IFMA(k) "vpmadd52luq %%zmm12, %%zmm12, %%zmm" #k "\n"
#define FMA512(k) "vfmadd231pd %%zmm12, %%zmm12, %%zmm" #k "\n"
#define FMA256(k) "vfmadd231pd %%ymm12, %%ymm12, %%ymm" #k "\n"
#define MUL32(k) "vpmuludq %%zmm12, %%zmm12, %%zmm" #k "\n"
#define MUL64(k) "vpmullq %%zmm12, %%zmm12, %%zmm" #k "\n"
#define ADD512(k) "vpaddq %%zmm12, %%zmm12, %%zmm" #k "\n"
/** Instructions per ns of twelve independent chains. */
#define ISSUE(op)                                                                                                             \
  (12 * 1000 / best([] {                                                                                                    \
     for (int i = 0; i < 1000; i++)                                                                                           \
       __asm__ volatile(TWELVE(op)::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
                        "xmm11", "xmm12");                                                                                    \
   }))
#endif

void machine() {
  firstEntry = true;
  std::printf("{\n  \"machine\": {");
  entry("\"triad_l1_gb_s\": %.1f", triad(24 << 10));
  entry("\"triad_l2_gb_s\": %.1f", triad(480 << 10));
  entry("\"triad_l3_gb_s\": %.1f", triad(8 << 20));
  entry("\"triad_dram_gb_s\": %.1f", triad(384 << 20));
#if defined(__x86_64__)
  entry("\"dependent_adds_g_s\": %.3f", 1000 * 8 / best([] {
          u64 x = 1;
          for (int i = 0; i < 1000; i++)
            __asm__ volatile("add $1, %0\nadd $1, %0\nadd $1, %0\nadd $1, %0\nadd $1, %0\nadd $1, %0\nadd $1, %0\nadd $1, %0\n" : "+r"(x));
        }));
  if (machineHas(Path::avx2)) entry("\"fma_256_g_s\": %.3f", ISSUE(FMA256));
  if (machineHas(Path::avx512)) {
    entry("\"fma_512_g_s\": %.3f", ISSUE(FMA512));
    entry("\"multiply_32_512_g_s\": %.3f", ISSUE(MUL32));
    entry("\"multiply_64_512_g_s\": %.3f", ISSUE(MUL64));
    entry("\"add_512_g_s\": %.3f", ISSUE(ADD512));
  }
  if (machineHas(Path::ifma)) entry("\"ifma_512_g_s\": %.3f", ISSUE(IFMA));
#endif
  std::printf("\n  },\n  \"kernels\": [");
  firstEntry = true;
}

u64 primeBelow(unsigned bits, std::size_t degree) {
  const u64 step = 2 * static_cast<u64>(degree);
  u64 candidate = (((u64{1} << bits) - 2) / step) * step + 1;
  while (!isPrime(candidate)) candidate -= step;
  return candidate;
}

void measure(Path path, const char* name, unsigned bits, std::size_t degree) {
  const u64 q = primeBelow(bits, degree);
  if (!supports(path, q)) return;
  const auto field = makeField(q, degree, path);
  constexpr std::size_t limbs = 64;
  Pool pool(std::size_t{2} << 30);
  std::vector<Block> blocks;
  std::vector<u64*> p;
  u64 state = 1;
  for (std::size_t i = 0; i < limbs; i++) {
    blocks.emplace_back(pool, degree);
    p.push_back(blocks.back().data());
    for (std::size_t j = 0; j < degree; j++) p.back()[j] = (state = state * 6364136223846793005u + 1442695040888963407u) % q;
  }
  const Constant c = field->constant(q / 3);
  std::vector<Constant> constants(limbs, c);
  const auto map = makeAutomorphism(5, degree);
  const double words = static_cast<double>(degree);
  double log = 0;
  while ((1u << static_cast<unsigned>(log)) < degree) log++;
  // Per butterfly and vector: IFMA 3; 64-bit words: 3 products of halves for the quotient and 2 low products; FP64: 4.
  const double lanes = path == Path::avx2 ? 4 : path == Path::scalar || path == Path::neon ? 1 : 8;
  const double each = path == Path::ifma ? 3 : path == Path::avx2 ? 4 : lanes == 1 ? 3 : 5;
  const double transform = log * words / 2 / lanes * each;
  const auto line = [&](const char* kernel, double limbsMoved, double multiplications, const std::function<void()>& body) {
    entry("{\"path\": \"%s\", \"bits\": %u, \"degree\": %zu, \"kernel\": \"%s\", \"ns\": %.0f, \"bytes\": %.0f, \"multiplications\": %.0f}", name,
          bits, degree, kernel, median(body), limbsMoved * 8 * words, multiplications);
  };
  line("forward", 4, transform, [&] { field->forward(p[1], p[0]); });
  line("forwardLazy", 4, transform, [&] { field->forwardLazy(p[1], p[0], q); });
  line("forwardLazy, 60-bit source", 4, transform, [&] { field->forwardLazy(p[1], p[0], u64{1} << 60); });
  line("inverse", 4, transform, [&] { field->inverse(p[1], p[0], c); });
  const double vectors = words / lanes;
  line("add", 3, 0, [&] { field->add(p[1], p[0], p[2], degree); });
  line("multiply", 3, 7 * vectors, [&] { field->multiply(p[1], p[0], p[2], degree); });
  line("scale", 2, each * vectors, [&] { field->scale(p[1], p[0], c, degree); });
  line("scaleAdd", 3, each * vectors, [&] { field->scaleAdd(p[1], p[0], c, degree); });
  line("reduce, 60-bit source", 2, 2 * vectors, [&] { field->reduce(p[1], p[0], u64{1} << 60, degree); });
  line("subtractScale", 3, each * vectors, [&] { field->subtractScale(p[1], p[0], p[2], c, degree); });
  line("subtractScaleAdd, permuted", 4, each * vectors, [&] { field->subtractScaleAdd(p[1], p[0], p[2], c, p[3], map.get()); });
  line("permute", 2, 0, [&] { permute(*map, p[1], p[0]); });
  for (const std::size_t count : {1, 3, 5})
    line(("convert " + std::to_string(count)).c_str(), static_cast<double>(count) + 1, 2.0 * static_cast<double>(count) * vectors,
         [&] { field->convert(p[1], p.data() + 2, constants.data(), count, degree, u64{1} << 49); });
  line("convertForwardLazy 3", 6, transform + 6 * vectors,
       [&] { field->convertForwardLazy(p[1], p.data() + 2, constants.data(), 3, u64{1} << 49); });
  for (const std::size_t terms : {3, 8, 20})
    line(("multiplyAccumulate " + std::to_string(terms)).c_str(), 3 * static_cast<double>(terms) + 2, 4 * static_cast<double>(terms) * vectors,
         [&] { field->multiplyAccumulate(p[0], p[1], p.data() + 2, p.data() + 22, p.data() + 42, terms, false, degree); });
}

/** Calls per ns of two threads, by calls per ns of one; the median of rounds that time both in turn. */
double pairGain(const std::function<std::function<void()>()>& make) {
  const auto first = make(), second = make();
  const auto calls = [](const std::function<void()>& body, double ns) {
    double count = 0;
    const Clock::time_point begin = Clock::now();
    double elapsed = 0;
    do {
      body();
      count++;
      elapsed = since(begin);
    } while (elapsed < ns);
    return count / elapsed;
  };
  std::vector<double> gains;
  for (int round = 0; round < 9; round++) {
    const double alone = calls(first, 30e6);
    double other = 0;
    std::thread thread([&] { other = calls(second, 30e6); });
    const double own = calls(first, 30e6);
    thread.join();
    gains.push_back((own + other) / alone);
  }
  std::nth_element(gains.begin(), gains.begin() + 4, gains.end());
  return gains[4];
}

void pairs() {
  constexpr std::size_t degree = 16384;
  firstEntry = true;
  std::printf("\n  ],\n  \"pairs\": {");
  const std::shared_ptr field = makeField(primeBelow(45, degree), degree, Path::automatic);
  const auto blocksOf = [](std::size_t count, std::size_t words) {
    const auto pool = std::make_shared<Pool>(std::size_t{2} << 30);
    auto blocks = std::make_shared<std::vector<Block>>();
    for (std::size_t i = 0; i < count; i++) {
      blocks->emplace_back(*pool, words);
      std::fill_n(blocks->back().data(), words, u64{1});
    }
    return std::pair(pool, blocks);
  };
  entry("\"dependent adds\": %.3f", pairGain([] {
          return [] {
            u64 x = 1;
            for (int i = 0; i < 10000; i++) {
              x += 1;
              __asm__ volatile("" : "+r"(x));
            }
          };
        }));
  entry("\"forward\": %.3f", pairGain([&] {
          return [field, held = blocksOf(2, degree)] { field->forward((*held.second)[1].data(), (*held.second)[0].data()); };
        }));
  entry("\"multiply\": %.3f", pairGain([&] {
          return [field, held = blocksOf(3, degree), degree] {
            auto& b = *held.second;
            field->multiply(b[2].data(), b[0].data(), b[1].data(), degree);
          };
        }));
  entry("\"copy in memory\": %.3f", pairGain([&] {
          return [held = blocksOf(2, std::size_t{1} << 24)] {
            auto& b = *held.second;
            std::copy_n(b[0].data(), std::size_t{1} << 24, b[1].data());
            __asm__ volatile("" ::: "memory");
          };
        }));
  std::printf("\n  }\n}\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> degrees;
  for (int i = 1; i < argc; i++) degrees.push_back(std::strtoul(argv[i], nullptr, 10));
  if (degrees.empty()) degrees = {8192, 16384, 32768, 65536};
  machine();
  const struct {
    Path path;
    const char* name;
    std::vector<unsigned> bits;
  } paths[] = {
      {Path::scalar, "scalar", {45, 60}}, {Path::avx2, "avx2", {45}},     {Path::avx512, "avx512", {60}},
      {Path::ifma, "ifma", {45, 47, 50}}, {Path::neon, "neon", {45, 60}}, {Path::automatic, "automatic", {60}},
  };
  for (const std::size_t degree : degrees)
    for (const auto& [path, name, bits] : paths)
      for (const unsigned b : bits) measure(path, name, b, degree);
  pairs();
}
