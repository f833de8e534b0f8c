#include "common.h"

#include <cmath>
#include <cstring>

namespace he::addon {

void require(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || pending || status == napi_cannot_run_js) throw Pending();
  throw Fault("INTERNAL", "Node-API returned status " + std::to_string(static_cast<int>(status)));
}

void refuse(const char* argument, const std::string& expected) {
  throw Fault("ARGUMENT_INVALID", std::string(argument) + " must be " + expected);
}

bool isNull(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  require(env, napi_typeof(env, value, &type));
  return type == napi_null;
}

double readNumber(napi_env env, napi_value value, const char* name) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok || !std::isfinite(number)) refuse(name, "a finite number");
  return number;
}

std::uint64_t readCount(napi_env env, napi_value value, const char* name, std::uint64_t max) {
  double number = 0;
  const bool read = napi_get_value_double(env, value, &number) == napi_ok;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!read || !(number >= 0) || !(number < kExact) || number != std::floor(number) ||
      static_cast<std::uint64_t>(number) > max) {
    refuse(name, "a whole number of at most " + std::to_string(max));
  }
  return static_cast<std::uint64_t>(number);
}

std::string readName(napi_env env, napi_value value, const char* name) {
  char text[65];
  std::size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok || length >= sizeof text) {
    refuse(name, "a short string");
  }
  require(env, napi_get_value_string_utf8(env, value, text, sizeof text, &length));
  return std::string(text, length);
}

namespace {

struct View {
  void* data = nullptr;
  std::size_t length = 0;
  bool shared = false;
};

View readView(napi_env env, napi_value value, napi_typedarray_type wanted, const char* name, const char* expected) {
  bool typed = false;
  require(env, napi_is_typedarray(env, value, &typed));
  if (!typed) refuse(name, expected);
  View view;
  napi_typedarray_type type = napi_int8_array;
  napi_value buffer = nullptr;
  require(env, napi_get_typedarray_info(env, value, &type, &view.length, &view.data, &buffer, nullptr));
  if (type != wanted) refuse(name, expected);
  bool plain = false;
  require(env, napi_is_arraybuffer(env, buffer, &plain));
  view.shared = !plain;
  // Of a buffer that was detached nothing is left.
  if (view.data == nullptr) view.length = 0;
  return view;
}

template <class T>
std::vector<T> copy(const View& view) {
  std::vector<T> values(view.length);
  if (view.length > 0) std::memcpy(values.data(), view.data, view.length * sizeof(T));
  return values;
}

napi_value makeTyped(napi_env env, napi_typedarray_type type, const void* data, std::size_t length, std::size_t size) {
  void* target = nullptr;
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  require(env, napi_create_arraybuffer(env, length * size, &target, &buffer));
  if (length > 0) std::memcpy(target, data, length * size);
  require(env, napi_create_typedarray(env, type, length, buffer, 0, &array));
  return array;
}

}  // namespace

std::span<const std::uint8_t> readBytes(napi_env env, napi_value value, const char* name) {
  const View view = readView(env, value, napi_uint8_array, name, "a Uint8Array");
  if (view.shared) refuse(name, "a Uint8Array that shares its memory with nobody");
  return {static_cast<const std::uint8_t*>(view.data), view.length};
}

std::vector<double> readDoubles(napi_env env, napi_value value, const char* name) {
  auto values = copy<double>(readView(env, value, napi_float64_array, name, "a Float64Array"));
  for (const double number : values) {
    if (!std::isfinite(number)) refuse(name, "a Float64Array of finite numbers");
  }
  return values;
}

std::vector<std::int32_t> readInts(napi_env env, napi_value value, const char* name) {
  return copy<std::int32_t>(readView(env, value, napi_int32_array, name, "an Int32Array"));
}

std::vector<std::uint32_t> readUints(napi_env env, napi_value value, const char* name) {
  return copy<std::uint32_t>(readView(env, value, napi_uint32_array, name, "a Uint32Array"));
}

std::vector<std::uint64_t> readWords(napi_env env, napi_value value, const char* name) {
  return copy<std::uint64_t>(readView(env, value, napi_biguint64_array, name, "a BigUint64Array"));
}

std::vector<napi_value> readArray(napi_env env, napi_value value, const char* name, std::uint32_t max) {
  bool array = false;
  require(env, napi_is_array(env, value, &array));
  if (!array) refuse(name, "an array");
  std::uint32_t length = 0;
  require(env, napi_get_array_length(env, value, &length));
  if (length > max) refuse(name, "an array of at most " + std::to_string(max) + " elements");
  std::vector<napi_value> elements(length);
  for (std::uint32_t i = 0; i < length; ++i) require(env, napi_get_element(env, value, i, &elements[i]));
  return elements;
}

SharedWord::SharedWord(napi_env env, napi_value value, const char* name) {
  if (isNull(env, value)) return;
  const View view = readView(env, value, napi_int32_array, name, "an Int32Array or null");
  // Only shared memory cannot be taken away: an ArrayBuffer can be transferred to another thread.
  if (view.length < 1 || !view.shared) refuse(name, "an Int32Array over a SharedArrayBuffer, or null");
  require(env, napi_create_reference(env, value, 1, &array_));
  env_ = env;
  word_ = static_cast<std::atomic<std::int32_t>*>(view.data);
}

void SharedWord::drop() noexcept {
  if (array_ != nullptr) napi_delete_reference(env_, array_);
  array_ = nullptr;
  word_ = nullptr;
}

napi_value makeNumber(napi_env env, double value) {
  napi_value number = nullptr;
  require(env, napi_create_double(env, value, &number));
  return number;
}

napi_value makeBytes(napi_env env, std::span<const std::uint8_t> bytes) {
  return makeTyped(env, napi_uint8_array, bytes.data(), bytes.size(), 1);
}

napi_value makeUints(napi_env env, std::span<const std::uint32_t> values) {
  return makeTyped(env, napi_uint32_array, values.data(), values.size(), sizeof(std::uint32_t));
}

napi_value makeDoubles(napi_env env, std::span<const double> values) {
  return makeTyped(env, napi_float64_array, values.data(), values.size(), sizeof(double));
}

napi_value makeUndefined(napi_env env) {
  napi_value value = nullptr;
  require(env, napi_get_undefined(env, &value));
  return value;
}

void throwError(napi_env env, const char* code, const char* message) noexcept {
  // Fails only where JavaScript may no longer run, and then nobody listens.
  static_cast<void>(napi_throw_error(env, code, message));
}

void defineClass(napi_env env, napi_value exports, const char* name, napi_callback constructor,
                 std::span<const std::pair<const char*, napi_callback>> methods) {
  std::vector<napi_property_descriptor> properties;
  for (const auto& [method, callback] : methods) {
    properties.push_back({method, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, nullptr});
  }
  napi_value type = nullptr;
  require(env, napi_define_class(env, name, NAPI_AUTO_LENGTH, constructor, nullptr, properties.size(), properties.data(), &type));
  require(env, napi_set_named_property(env, exports, name, type));
}

}  // namespace he::addon
