/** The class Engine as JavaScript sees it: one engine, used by one thread. */
#include "common-parameters.h"
#include "engine-parts.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace he::addon {
namespace {

/** Slot vectors have come and gone by the hundred megabytes: the allocator keeps what it is not told to give back. */
void giveBackFreed() noexcept {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

constexpr napi_type_tag kEngineTag = {0x6d1f5c0b9be44b1cULL, 0xa3b8d0f42c7e9951ULL};
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 44;
constexpr std::uint32_t kMaxWord = 0xffffffffu;

/** The engine goes before the words that it reports to. */
struct Held {
  SharedWord cancel, heartbeat;
  std::size_t slots = 0;
  std::unique_ptr<Engine> engine;

  Held(napi_env env, napi_value cancelArray, napi_value heartbeatArray)
      : cancel(env, cancelArray, "cancel"), heartbeat(env, heartbeatArray, "heartbeat") {}
};

Held& heldBy(napi_env env, napi_value receiver) {
  Held& held = unwrap<Held>(env, receiver, kEngineTag);
  if (held.engine == nullptr) throw Fault("INTERNAL", "the engine has been disposed");
  return held;
}

template <class Body>
napi_value method(napi_env env, const char* formatCode, Body body) noexcept {
  return guarded(env, formatCode, [&] {
    try {
      return body();
    } catch (const EngineError& error) {
      throw Fault(error.code, error.what());
    }
  });
}

/**
 * new Engine(degree, dataPrimes, specialPrimes, digits, path, memoryBytes, cacheBytes, expectedPlaintexts, threads, cancel,
 * heartbeat)
 */
napi_value construct(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<11> call(env, info);
    const Parameters parameters = readParameters(env, call[0], call[1], call[2], call[3]);
    const Path path = readPath(env, call[4]);
    EngineOptions options;
    options.memoryLimitBytes = readCount(env, call[5], "memoryBytes", kMaxBytes);
    options.plaintextCacheBytes = readCount(env, call[6], "cacheBytes", kMaxBytes);
    options.expectedPlaintexts = readCount(env, call[7], "expectedPlaintexts", kMaxWord);
    options.threads = readCount(env, call[8], "threads", 256);
    if (options.threads == 0) refuse("threads", "at least 1");
    auto held = std::make_unique<Held>(env, call[9], call[10]);
    options.control = {held->cancel.get(), held->heartbeat.get()};
    held->slots = parameters.degree / 2;
    held->engine = std::make_unique<Engine>(Context::create(parameters, path), options);
    wrap(env, call.receiver, std::move(held), kEngineTag);
    return call.receiver;
  });
}

napi_value dispose(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<0> call(env, info);
    Held& held = unwrap<Held>(env, call.receiver, kEngineTag);
    held.engine.reset();
    held.cancel.drop();
    held.heartbeat.drop();
    return makeUndefined(env);
  });
}

napi_value loadRotationKey(napi_env env, napi_callback_info info) {
  return method(env, "KEY_INVALID", [&] {
    const Call<2> call(env, info);
    const auto step = static_cast<u32>(readCount(env, call[0], "step", kMaxWord));
    const auto bytes = readBytes(env, call[1], "bytes");
    heldBy(env, call.receiver).engine->loadRotationKey(step, bytes);
    return makeUndefined(env);
  });
}

napi_value loadRelinearizationKey(napi_env env, napi_callback_info info) {
  return method(env, "KEY_INVALID", [&] {
    const Call<1> call(env, info);
    const auto bytes = readBytes(env, call[0], "bytes");
    heldBy(env, call.receiver).engine->loadRelinearizationKey(bytes);
    return makeUndefined(env);
  });
}

/** loadRaiseKeys(encapsulation, decapsulation): those of bootstrapping */
napi_value loadRaiseKeys(napi_env env, napi_callback_info info) {
  return method(env, "KEY_INVALID", [&] {
    const Call<2> call(env, info);
    const auto encapsulation = readBytes(env, call[0], "encapsulation");
    const auto decapsulation = readBytes(env, call[1], "decapsulation");
    heldBy(env, call.receiver).engine->loadRaiseKeys(encapsulation, decapsulation);
    return makeUndefined(env);
  });
}

napi_value load(napi_env env, napi_callback_info info) {
  return method(env, "CIPHERTEXT_INVALID", [&] {
    const Call<1> call(env, info);
    const auto bytes = readBytes(env, call[0], "bytes");
    return makeNumber(env, heldBy(env, call.receiver).engine->load(bytes));
  });
}

Engine::Handle readHandle(napi_env env, napi_value value) {
  return static_cast<Engine::Handle>(readCount(env, value, "handle", kMaxWord));
}

napi_value store(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<1> call(env, info);
    const auto handle = readHandle(env, call[0]);
    return makeBytes(env, heldBy(env, call.receiver).engine->store(handle));
  });
}

/** [level, scale, polynomials] */
napi_value describe(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<1> call(env, info);
    const auto handle = readHandle(env, call[0]);
    const Engine& engine = *heldBy(env, call.receiver).engine;
    const std::array<double, 3> facts = {static_cast<double>(engine.levelOf(handle)), engine.scaleOf(handle),
                                         static_cast<double>(engine.polynomialsOf(handle))};
    return makeDoubles(env, facts);
  });
}

/** setScale(handle, scale): the planned scale in place of what the file says */
napi_value setScale(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<2> call(env, info);
    const auto handle = readHandle(env, call[0]);
    const double scale = readNumber(env, call[1], "scale");
    heldBy(env, call.receiver).engine->setScale(handle, scale);
    return makeUndefined(env);
  });
}

napi_value release(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<1> call(env, info);
    const auto handle = readHandle(env, call[0]);
    heldBy(env, call.receiver).engine->free(handle);
    return makeUndefined(env);
  });
}

/** apply(operation, left, right, argument, scale, values | null, positions | null, plainLevel, plainScale) → handle */
napi_value apply(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<9> call(env, info);
    const std::size_t slots = heldBy(env, call.receiver).slots;
    TapeStep step{};
    step.op = readOperation(static_cast<u32>(readCount(env, call[0], "operation", kMaxWord)));
    const auto left = readHandle(env, call[1]);
    const auto right = readHandle(env, call[2]);
    step.argument = static_cast<u32>(readCount(env, call[3], "argument", kMaxWord));
    step.scale = readNumber(env, call[4], "scale");
    TapePlain plain;
    const bool plaintext = !isNull(env, call[5]);
    if (plaintext) {
      plain.value = readSlotValues(env, call[5], call[6], slots);
      plain.level = static_cast<u32>(readCount(env, call[7], "plainLevel", kMaxWord));
      plain.scale = readNumber(env, call[8], "plainScale");
    }
    return makeNumber(env, heldBy(env, call.receiver).engine->run(step, left, right, plaintext ? &plain : nullptr));
  });
}

/** prepareLinear(structure, plainScales, outputScale, values, positions) → number of the transform */
napi_value prepareLinear(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<5> call(env, info);
    const std::size_t slots = heldBy(env, call.receiver).slots;
    u32 number = 0;
    {
      const auto description = readLinear(env, {call[0], call[1], call[2], call[3], call[4]}, slots);
      number = heldBy(env, call.receiver).engine->prepareLinear(description);
    }
    giveBackFreed();
    return makeNumber(env, number);
  });
}

/** prepareTape(structure, scales, values, positions) → number of the tape */
napi_value prepareTape(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<4> call(env, info);
    const std::size_t slots = heldBy(env, call.receiver).slots;
    auto tape = readTape(env, {call[0], call[1], call[2], call[3]}, slots);
    return makeNumber(env, heldBy(env, call.receiver).engine->prepareTape(std::move(tape)));
  });
}

/** linear(prepared, handles) → handles */
napi_value linear(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<2> call(env, info);
    const auto prepared = static_cast<u32>(readCount(env, call[0], "prepared", kMaxWord));
    const auto inputs = readUints(env, call[1], "inputs");
    return makeUints(env, heldBy(env, call.receiver).engine->linear(prepared, inputs));
  });
}

/** raise(handle, scale) → handle, at the level of the keys */
napi_value raise(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<2> call(env, info);
    const auto handle = readHandle(env, call[0]);
    const double scale = readNumber(env, call[1], "scale");
    return makeNumber(env, heldBy(env, call.receiver).engine->raise(handle, scale));
  });
}

/** runTape(prepared, handles) → handles */
napi_value runTape(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<2> call(env, info);
    const auto prepared = static_cast<u32>(readCount(env, call[0], "prepared", kMaxWord));
    const auto inputs = readUints(env, call[1], "inputs");
    return makeUints(env, heldBy(env, call.receiver).engine->run(prepared, inputs));
  });
}

/** [live handles, memory bytes] */
napi_value status(napi_env env, napi_callback_info info) {
  return method(env, "INTERNAL", [&] {
    const Call<0> call(env, info);
    const Engine& engine = *heldBy(env, call.receiver).engine;
    const std::array<double, 2> facts = {static_cast<double>(engine.liveHandles()), static_cast<double>(engine.memoryBytes())};
    return makeDoubles(env, facts);
  });
}

}  // namespace

void defineEngine(napi_env env, napi_value exports) {
  static constexpr std::array<std::pair<const char*, napi_callback>, 16> kMethods = {{
      {"dispose", dispose},
      {"loadRotationKey", loadRotationKey},
      {"loadRelinearizationKey", loadRelinearizationKey},
      {"loadRaiseKeys", loadRaiseKeys},
      {"load", load},
      {"store", store},
      {"describe", describe},
      {"setScale", setScale},
      {"free", release},
      {"apply", apply},
      {"prepareLinear", prepareLinear},
      {"prepareTape", prepareTape},
      {"linear", linear},
      {"raise", raise},
      {"runTape", runTape},
      {"status", status},
  }};
  defineClass(env, exports, "Engine", construct, kMethods);
}

}  // namespace he::addon
