/**
 * What evaluation keys cost an inference. A set of them is made by the client, sent once, and loaded by the server; each of these
 * takes a time in proportion to the bytes sent, and all of it is spread over the inferences that the set serves. The compiler adds
 * it to what an evaluation takes wherever it chooses keys or compares programs.
 */
import { sentBytes, sentGaloisKeyBytes } from '../../program/key-bytes.ts';
import { isSealShaped } from '../../program/parameters.ts';
import type { KeyCost } from '../../program/artifact.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { CompileOptions } from '../options.ts';

/** Nanoseconds for a byte as sent, on one core of the machines that results in bench/results are from. */
const MAKING_NS = 2.5;
/** Checking, storing, and expanding it for use. */
const LOADING_NS = 7.5;

export type KeyTerms = Pick<CompileOptions, 'optimize' | 'keyBandwidth' | 'inferencesPerKeys'>;

/**
 * Under --optimize latency keys cost nothing, and in throughput mode a set of keys serves whole batches: what one key more costs
 * is then nothing beside an evaluation.
 */
function spread(bytes: number, { optimize, keyBandwidth, inferencesPerKeys }: KeyTerms): KeyCost {
  const makingMs = (MAKING_NS * bytes) / 1e6;
  const sendingMs = (8 * bytes) / (1000 * keyBandwidth);
  const loadingMs = (LOADING_NS * bytes) / 1e6;
  const free = optimize === 'latency' || optimize === 'throughput';
  return {
    sentBytes: bytes,
    makingMs,
    sendingMs,
    loadingMs,
    bandwidth: keyBandwidth,
    inferences: inferencesPerKeys,
    countedMsPerInference: free ? 0 : (makingMs + sendingMs + loadingMs) / inferencesPerKeys,
  };
}

/** Of one Galois key that serves ciphertexts at `level` and below. */
export function galoisKeyMs(parameters: CkksParameters, level: number, terms: KeyTerms): number {
  if (parameters.scheme === 'cleartext') return 0;
  // SEAL knows no keys for a part of the chain.
  const top = parameters.dataPrimes.length - 1;
  const served = isSealShaped(parameters) ? top : Math.min(level, top);
  return spread(sentGaloisKeyBytes(parameters, served), terms).countedMsPerInference;
}

/** Of all keys that a program needs. */
export function keyCost(
  program: Pick<Program, 'rotationKeys' | 'relinearizationLevel' | 'refreshKeys'>,
  parameters: CkksParameters,
  terms: KeyTerms,
): KeyCost {
  return spread(parameters.scheme === 'cleartext' ? 0 : sentBytes(program, parameters), terms);
}
