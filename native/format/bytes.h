/** Checked reading and writing of SEAL's binary pieces: headers, words, arrays of residues, seeds. */
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

#include "../core/kernels.h"
#include "../engine/context.h"
#include "seeded-stream.h"

namespace he::format {

using Bytes = std::span<const std::uint8_t>;

/** The bytes are not what they should be; the message says where and why and holds nothing secret. */
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kWordBytes = 8;
/** A header, the generator's number, and the seed. */
inline constexpr std::size_t kSeedBytes = kHeaderBytes + 1 + 64;

/** Bytes not read yet of one object; never reads beyond them. */
class Reader {
 public:
  /** @param what the object, as messages call it; must outlive the reader */
  Reader(Bytes bytes, const char* what) noexcept : rest_(bytes), what_(what) {}

  std::size_t remaining() const noexcept { return rest_.size(); }
  const char* what() const noexcept { return what_; }
  [[noreturn]] void fail(const std::string& reason) const;

  std::uint8_t u8();
  u64 word();
  double real();
  ParmsId parmsId();

  /** A SEALHeader (version 4, not compressed), and a reader of exactly what it encloses. */
  Reader enclosed();
  /** For the outermost object: its header must enclose all bytes. */
  static Reader whole(Bytes bytes, const char* what);
  /** An array's header and count, of which exactly `expected` words must follow inside of it. Consumes the array. */
  Bytes array(u64 expected);
  /** The count of the array that comes next, without reading it. */
  u64 peekArrayCount() const;
  Seed seed();
  /** @throws FormatError if anything is left */
  void end() const;

 private:
  Bytes take(std::size_t bytes);
  Bytes rest_;
  const char* what_;
};

/** Copies `count` little-endian words and checks that all are below `modulus`; takes the same time for any values. */
void readResidues(const Reader& at, u64* destination, const std::uint8_t* words, std::size_t count, u64 modulus);

/** Writes into memory of the right size: writing beyond it is a bug, and refused. */
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) noexcept : rest_(out) {}

  void u8(std::uint8_t value);
  void word(u64 value);
  void real(double value);
  void parmsId(const ParmsId& id);
  /** @param bytes of the whole object, this header included */
  void header(std::size_t bytes);
  /** An array's header and count; the words follow with `words`. */
  void arrayHeader(std::size_t count);
  void words(const u64* words, std::size_t count);
  void seed(const Seed& seed);
  /** @throws std::logic_error if memory is left over */
  void end() const;

 private:
  void put(const void* bytes, std::size_t count);
  std::span<std::uint8_t> rest_;
};

/** Bytes of an array of `count` words with its header. */
constexpr std::size_t arrayBytes(std::size_t count) noexcept { return kHeaderBytes + kWordBytes + count * kWordBytes; }

}  // namespace he::format
