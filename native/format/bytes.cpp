#include "bytes.h"

namespace he::format {
namespace {

constexpr std::uint16_t kMagic = 0xa15e;
constexpr std::uint8_t kMajor = 4;
/** The newest minor version whose objects are laid out as here, and the one that is written. */
constexpr std::uint8_t kMinor = 1;

/** SEALHeader of SEAL 3.6 and later. */
struct Header {
  std::uint16_t magic;
  std::uint8_t size, major, minor, compression;
  std::uint16_t reserved;
  u64 bytes;
};
static_assert(sizeof(Header) == kHeaderBytes);

}  // namespace

void Reader::fail(const std::string& reason) const { throw FormatError(std::string(what_) + ": " + reason); }

Bytes Reader::take(std::size_t bytes) {
  if (bytes > rest_.size()) {
    fail("it ends " + std::to_string(bytes - rest_.size()) + " bytes too early");
  }
  const Bytes taken = rest_.first(bytes);
  rest_ = rest_.subspan(bytes);
  return taken;
}

std::uint8_t Reader::u8() { return take(1)[0]; }

u64 Reader::word() {
  u64 value;
  std::memcpy(&value, take(kWordBytes).data(), kWordBytes);
  return value;
}

double Reader::real() {
  double value;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

ParmsId Reader::parmsId() {
  ParmsId id;
  std::memcpy(id.data(), take(sizeof id).data(), sizeof id);
  return id;
}

Reader Reader::enclosed() {
  Header header;
  std::memcpy(&header, take(kHeaderBytes).data(), kHeaderBytes);
  if (header.magic != kMagic || header.size != kHeaderBytes) fail("it is not in SEAL's format");
  if (header.major != kMajor) {
    fail("it was written by SEAL " + std::to_string(header.major) + "." + std::to_string(header.minor) +
         ", and only version 4 is read");
  }
  if (header.compression == 1 || header.compression == 2) {
    fail(std::string("it is compressed with ") + (header.compression == 1 ? "zlib" : "zstd") +
         "; save it uncompressed (compr_mode none)");
  }
  if (header.compression != 0) fail("unknown compression " + std::to_string(header.compression));
  if (header.reserved != 0) fail("reserved bytes are not zero");
  if (header.bytes < kHeaderBytes || header.bytes - kHeaderBytes > rest_.size()) {
    fail("a header announces " + std::to_string(header.bytes) + " bytes, of which " +
         std::to_string(rest_.size() + kHeaderBytes) + " are there");
  }
  return Reader(take(static_cast<std::size_t>(header.bytes - kHeaderBytes)), what_);
}

Reader Reader::whole(Bytes bytes, const char* what) {
  Reader outer(bytes, what);
  Reader inner = outer.enclosed();
  outer.end();
  return inner;
}

u64 Reader::peekArrayCount() const {
  Reader copy = *this;
  return copy.enclosed().word();
}

Bytes Reader::array(u64 expected) {
  Reader inner = enclosed();
  const u64 count = inner.word();
  if (count != expected) {
    fail("an array holds " + std::to_string(count) + " words instead of " + std::to_string(expected));
  }
  // Compared by division, so that no product can overflow.
  if (inner.remaining() % kWordBytes != 0 || inner.remaining() / kWordBytes != count) {
    fail("an array of " + std::to_string(count) + " words takes " + std::to_string(inner.remaining()) + " bytes");
  }
  return inner.rest_;
}

Seed Reader::seed() {
  Reader inner = enclosed();
  Seed seed;
  const std::uint8_t generator = inner.u8();
  if (generator != 1 && generator != 2) fail("unknown generator " + std::to_string(generator) + " of a seed");
  seed.generator = static_cast<Generator>(generator);
  for (u64& word : seed.words) word = inner.word();
  inner.end();
  return seed;
}

void Reader::end() const {
  if (!rest_.empty()) fail(std::to_string(rest_.size()) + " bytes too many");
}

void readResidues(const Reader& at, u64* destination, const std::uint8_t* words, std::size_t count, u64 modulus) {
  std::memcpy(destination, words, count * kWordBytes);
  // Moduli are below 2^60: a word of 2^63 and more borrows from nothing, but has its own top bit.
  u64 tooLarge = 0;
  for (std::size_t i = 0; i < count; i++) tooLarge |= (modulus - 1 - destination[i]) | destination[i];
  if (tooLarge >> 63 != 0) at.fail("a residue is not below its prime");
}

void Writer::put(const void* bytes, std::size_t count) {
  if (count > rest_.size()) throw std::logic_error("a serialized object is longer than its size");
  std::memcpy(rest_.data(), bytes, count);
  rest_ = rest_.subspan(count);
}

void Writer::u8(std::uint8_t value) { put(&value, 1); }
void Writer::word(u64 value) { put(&value, sizeof value); }
void Writer::real(double value) { put(&value, sizeof value); }
void Writer::parmsId(const ParmsId& id) { put(id.data(), sizeof id); }

void Writer::header(std::size_t bytes) {
  const Header header{kMagic, kHeaderBytes, kMajor, kMinor, 0, 0, bytes};
  put(&header, sizeof header);
}

void Writer::arrayHeader(std::size_t count) {
  header(arrayBytes(count));
  word(count);
}

void Writer::words(const u64* words, std::size_t count) { put(words, count * kWordBytes); }

void Writer::seed(const Seed& seed) {
  header(kSeedBytes);
  u8(static_cast<std::uint8_t>(seed.generator));
  words(seed.words.data(), seed.words.size());
}

void Writer::end() const {
  if (!rest_.empty()) throw std::logic_error("a serialized object is shorter than its size");
}

}  // namespace he::format
