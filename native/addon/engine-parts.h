/** The parts of the engine's addon. */
#pragma once
#include "../engine/engine.h"
#include "common.h"

namespace he::addon {

/**
 * Values of slots, from a Float64Array and the positions they stand at (an Int32Array, or null if they are dense or a single one).
 * Twice as many values are all the real parts and then all the imaginary ones.
 */
SlotValues readSlotValues(napi_env env, napi_value values, napi_value positions, std::size_t slots);

/**
 * The flat form of a linear transform. `structure` is an Int32Array; a list is its length and its elements:
 *   level, babies: [source, from, via: [step], step],
 *   outputs: [giants: [into, via: [step], terms: [baby, diagonal]], reductions: [via: [step]], bias]
 * Diagonals are an array of Float64Arrays and one of Int32Arrays or null.
 */
struct LinearArguments {
  napi_value structure, plainScales, outputScale, values, positions;
};
LinearDescription readLinear(napi_env env, const LinearArguments& arguments, std::size_t slots);

/**
 * The flat form of a tape: inputs, registers, outputs: [register], steps: [op, result, left, right, argument],
 * plains: [level]. `scales` holds one scale for each step and then one for each plaintext.
 */
struct TapeArguments {
  napi_value structure, scales, values, positions;
};
Tape readTape(napi_env env, const TapeArguments& arguments, std::size_t slots);

/** @throws Fault ARGUMENT_INVALID */
TapeStep::Op readOperation(std::uint32_t number);

/** Adds the class Engine to the exports. */
void defineEngine(napi_env env, napi_value exports);

/** Adds the class PublicEncryptor to the exports. */
void defineEncryption(napi_env env, napi_value exports);

/** Adds the function profileKernels to the exports. */
void defineProfile(napi_env env, napi_value exports);

}  // namespace he::addon
