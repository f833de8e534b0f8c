#include "blake2.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "wipe.h"

static_assert(std::endian::native == std::endian::little, "words are read and written as they lie in memory");

namespace he::format {
namespace {

using Word = std::uint64_t;
using State = std::array<Word, 8>;

constexpr std::size_t kBlockBytes = 128;
constexpr std::size_t kDigestBytes = 64;

constexpr State kIv = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                       0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

constexpr std::uint8_t kSigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

#if defined(__GNUC__)
#define HE_INLINE inline __attribute__((always_inline))
/** Eight independent hashes side by side. */
typedef Word Lanes __attribute__((vector_size(64)));
constexpr std::size_t kLanes = 8;
#else
#define HE_INLINE inline
using Lanes = Word;
constexpr std::size_t kLanes = 1;
#endif

template <int bits, class V>
HE_INLINE void rotateRight(V& v) {
  v = (v >> bits) | (v << (64 - bits));
}

template <class V>
HE_INLINE void mix(V& a, V& b, V& c, V& d, const V& x, const V& y) {
  a = a + b + x;
  d ^= a;
  rotateRight<32>(d);
  c += d;
  b ^= c;
  rotateRight<24>(b);
  a = a + b + y;
  d ^= a;
  rotateRight<16>(d);
  c += d;
  b ^= c;
  rotateRight<63>(b);
}

/** The twelve rounds of RFC 7693, section 3.2. */
template <class V>
HE_INLINE void rounds(V (&v)[16], const V (&m)[16]) {
  for (const auto& s : kSigma) {
    mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }
}

/** @param counted bytes hashed so far, this block's included */
void compress(State& h, const std::uint8_t* block, Word counted, bool last) noexcept {
  Word m[16], v[16];
  std::memcpy(m, block, kBlockBytes);
  std::copy(h.begin(), h.end(), v);
  std::copy(kIv.begin(), kIv.end(), v + 8);
  v[12] ^= counted;
  if (last) v[14] = ~v[14];
  rounds(v, m);
  for (std::size_t i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
  wipe(m, sizeof m);
  wipe(v, sizeof v);
}

/** Hashes into `h`, which the parameter block has been mixed into. */
void absorb(State& h, Bytes in, Bytes key) noexcept {
  std::uint8_t block[kBlockBytes] = {};
  Word counted = 0;
  if (!key.empty()) {
    std::copy(key.begin(), key.end(), block);
    counted = kBlockBytes;
    compress(h, block, counted, in.empty());
    wipe(block, sizeof block);
    if (in.empty()) return;
  }
  while (in.size() > kBlockBytes) {
    counted += kBlockBytes;
    compress(h, in.data(), counted, false);
    in = in.subspan(kBlockBytes);
  }
  std::copy(in.begin(), in.end(), block);
  compress(h, block, counted + in.size(), true);
  wipe(block, sizeof block);
}

/** First word of a parameter block in sequential mode: lengths of digest and key, fan-out 1, depth 1. */
Word sequential(std::size_t digest, std::size_t key) noexcept {
  return static_cast<Word>(digest) | static_cast<Word>(key) << 8 | Word{1} << 16 | Word{1} << 24;
}

/**
 * Output blocks `first` ... `first` + kLanes - 1 of BLAKE2Xb, 64 bytes each: hashes of the root that differ in the node
 * offset only (BLAKE2X, section 2.1), so they are computed side by side.
 */
HE_INLINE void expandBlocks(std::uint8_t* out, const State& root, Word xofLength, Word first) {
  Lanes v[16], m[16], start[8];
  for (std::size_t i = 0; i < 8; i++) {
    m[i] = Lanes{} + root[i];
    m[i + 8] = Lanes{};
    start[i] = Lanes{} + kIv[i];
  }
  Word nodes[kLanes];
  for (std::size_t lane = 0; lane < kLanes; lane++) nodes[lane] = (first + lane) | xofLength << 32;
  Lanes offsets;
  std::memcpy(&offsets, nodes, sizeof offsets);
  // Digest and leaf length 64, fan-out and depth 0; inner length 64.
  start[0] ^= Lanes{} + (Word{64} | Word{64} << 32);
  start[1] ^= offsets;
  start[2] ^= Lanes{} + (Word{64} << 8);
  for (std::size_t i = 0; i < 8; i++) {
    v[i] = start[i];
    v[i + 8] = Lanes{} + kIv[i];
  }
  v[12] ^= Lanes{} + Word{kDigestBytes};
  v[14] = ~v[14];
  rounds(v, m);
  Word digests[8][kLanes];
  for (std::size_t i = 0; i < 8; i++) {
    start[i] ^= v[i] ^ v[i + 8];
    std::memcpy(digests[i], &start[i], sizeof(Lanes));
  }
  for (std::size_t lane = 0; lane < kLanes; lane++) {
    Word digest[8];
    for (std::size_t i = 0; i < 8; i++) digest[i] = digests[i][lane];
    std::memcpy(out + lane * kDigestBytes, digest, kDigestBytes);
  }
}

using Expand = void (*)(std::uint8_t* out, const State& root, Word xofLength, Word first);

void expandPortable(std::uint8_t* out, const State& root, Word xofLength, Word first) {
  expandBlocks(out, root, xofLength, first);
}

#if defined(__GNUC__) && defined(__x86_64__)
__attribute__((target("avx2"))) void expandAvx2(std::uint8_t* out, const State& root, Word xofLength, Word first) {
  expandBlocks(out, root, xofLength, first);
}
__attribute__((target("avx512f"))) void expandAvx512(std::uint8_t* out, const State& root, Word xofLength, Word first) {
  expandBlocks(out, root, xofLength, first);
}
Expand chooseExpand() noexcept {
  if (__builtin_cpu_supports("avx512f")) return expandAvx512;
  if (__builtin_cpu_supports("avx2")) return expandAvx2;
  return expandPortable;
}
#else
Expand chooseExpand() noexcept { return expandPortable; }
#endif

}  // namespace

void blake2b(std::span<std::uint8_t> out, Bytes in, Bytes key) noexcept {
  State h = kIv;
  h[0] ^= sequential(out.size(), key.size());
  absorb(h, in, key);
  std::memcpy(out.data(), h.data(), out.size());
  wipe(h.data(), sizeof h);
}

void blake2xb(std::span<std::uint8_t> out, Bytes in, Bytes key) noexcept {
  static const Expand expand = chooseExpand();
  const Word xofLength = out.size();
  State root = kIv;
  root[0] ^= sequential(kDigestBytes, key.size());
  root[1] ^= xofLength << 32;
  absorb(root, in, key);
  constexpr std::size_t kStride = kLanes * kDigestBytes;
  std::size_t at = 0;
  for (; at + kStride <= out.size(); at += kStride) expand(out.data() + at, root, xofLength, at / kDigestBytes);
  for (; at < out.size(); at += kDigestBytes) {
    const std::size_t length = std::min(kDigestBytes, out.size() - at);
    State h = kIv;
    h[0] ^= static_cast<Word>(length) | Word{64} << 32;
    h[1] ^= static_cast<Word>(at / kDigestBytes) | xofLength << 32;
    h[2] ^= Word{64} << 8;
    std::uint8_t block[kBlockBytes] = {};
    std::memcpy(block, root.data(), kDigestBytes);
    compress(h, block, kDigestBytes, true);
    std::memcpy(out.data() + at, h.data(), length);
  }
  wipe(root.data(), sizeof root);
}

}  // namespace he::format
