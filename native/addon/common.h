/**
 * What both addons share: arguments are checked one by one before anything is done with them, and whatever the engine
 * throws becomes a JavaScript error with a stable `code`. No C++ exception crosses into Node.
 *
 * Reading an element of a JavaScript array may run JavaScript, which can detach buffers and dispose objects. Arrays are therefore
 * copied as they are read, and objects are unwrapped only when all arguments have been read.
 */
#pragma once
#include <node_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../core/memory.h"
#include "../core/threads.h"
#include "../format/seal.h"

namespace he::addon {

/** Becomes an Error with this code. */
class Fault : public std::runtime_error {
 public:
  Fault(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  const std::string code;
};

/** JavaScript has an exception of its own pending, or may no longer run (the worker is being terminated). */
struct Pending {};

/** @throws Pending or Fault INTERNAL unless the call of Node-API succeeded */
void require(napi_env env, napi_status status);

[[noreturn]] void refuse(const char* argument, const std::string& expected);

/** The receiver and exactly `count` arguments. */
template <std::size_t count>
struct Call {
  napi_value receiver = nullptr;
  std::array<napi_value, count> arguments{};

  Call(napi_env env, napi_callback_info info) {
    std::size_t given = count;
    require(env, napi_get_cb_info(env, info, &given, arguments.data(), &receiver, nullptr));
    if (given != count) throw Fault("ARGUMENT_INVALID", "expected " + std::to_string(count) + " arguments");
  }
  napi_value operator[](std::size_t index) const { return arguments[index]; }
};

bool isNull(napi_env env, napi_value value);
/** Finite. */
double readNumber(napi_env env, napi_value value, const char* name);
/** A whole number in 0 ... max, exact as a double. */
std::uint64_t readCount(napi_env env, napi_value value, const char* name, std::uint64_t max);
/** At most 64 bytes. */
std::string readName(napi_env env, napi_value value, const char* name);

/** The elements of a Uint8Array, borrowed until JavaScript runs again. Shared memory is refused: it could change while it is read. */
std::span<const std::uint8_t> readBytes(napi_env env, napi_value value, const char* name);
/** Copies; shared memory is allowed. */
std::vector<double> readDoubles(napi_env env, napi_value value, const char* name);
std::vector<std::int32_t> readInts(napi_env env, napi_value value, const char* name);
std::vector<std::uint32_t> readUints(napi_env env, napi_value value, const char* name);
std::vector<std::uint64_t> readWords(napi_env env, napi_value value, const char* name);
/** An array of at most `max` elements. */
std::vector<napi_value> readArray(napi_env env, napi_value value, const char* name, std::uint32_t max);

/** A word of an Int32Array over shared memory, kept alive until it is dropped. */
class SharedWord {
 public:
  SharedWord() noexcept = default;
  /** Null gives none. */
  SharedWord(napi_env env, napi_value value, const char* name);
  SharedWord(const SharedWord&) = delete;
  SharedWord& operator=(const SharedWord&) = delete;
  ~SharedWord() { drop(); }
  std::atomic<std::int32_t>* get() const noexcept { return word_; }
  /** On the thread of JavaScript only. */
  void drop() noexcept;

 private:
  napi_env env_ = nullptr;
  napi_ref array_ = nullptr;
  std::atomic<std::int32_t>* word_ = nullptr;
};

napi_value makeNumber(napi_env env, double value);
napi_value makeBytes(napi_env env, std::span<const std::uint8_t> bytes);
napi_value makeUints(napi_env env, std::span<const std::uint32_t> values);
napi_value makeDoubles(napi_env env, std::span<const double> values);
napi_value makeUndefined(napi_env env);

void throwError(napi_env env, const char* code, const char* message) noexcept;

/**
 * Runs the body of a method.
 * @param formatCode of the error that bytes which are not what they should be become
 */
template <class Body>
napi_value guarded(napi_env env, const char* formatCode, Body body) noexcept {
  try {
    return body();
  } catch (const Pending&) {
    // JavaScript goes on with the exception it has.
  } catch (const Fault& fault) {
    throwError(env, fault.code.c_str(), fault.what());
  } catch (const MemoryExceeded& error) {
    throwError(env, "MEMORY_EXCEEDED", error.what());
  } catch (const std::bad_alloc&) {
    throwError(env, "MEMORY_EXCEEDED", "the system has no more memory");
  } catch (const std::length_error&) {
    throwError(env, "MEMORY_EXCEEDED", "a size exceeds what can be held");
  } catch (const Cancelled&) {
    throwError(env, "CANCELLED", "the operation was cancelled");
  } catch (const format::FormatError& error) {
    throwError(env, formatCode, error.what());
  } catch (const std::invalid_argument& error) {
    throwError(env, "ARGUMENT_INVALID", error.what());
  } catch (const std::exception& error) {
    throwError(env, "INTERNAL", error.what());
  } catch (...) {
    throwError(env, "INTERNAL", "something that is no exception was thrown");
  }
  return nullptr;
}

/** A JavaScript class around `Object`: `this` of any other kind is refused by its tag. */
template <class Object>
void wrap(napi_env env, napi_value receiver, std::unique_ptr<Object> object, const napi_type_tag& tag) {
  require(env, napi_type_tag_object(env, receiver, &tag));
  const auto finalize = [](napi_env, void* data, void*) noexcept { delete static_cast<Object*>(data); };
  require(env, napi_wrap(env, receiver, object.get(), finalize, nullptr, nullptr));
  static_cast<void>(object.release());
}

template <class Object>
Object& unwrap(napi_env env, napi_value receiver, const napi_type_tag& tag) {
  bool tagged = false;
  void* data = nullptr;
  if (napi_check_object_type_tag(env, receiver, &tag, &tagged) != napi_ok || !tagged ||
      napi_unwrap(env, receiver, &data) != napi_ok || data == nullptr) {
    refuse("this", "an object of this class");
  }
  return *static_cast<Object*>(data);
}

void defineClass(napi_env env, napi_value exports, const char* name, napi_callback constructor,
                 std::span<const std::pair<const char*, napi_callback>> methods);

}  // namespace he::addon
