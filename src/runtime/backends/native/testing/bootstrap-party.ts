/** An engine with everything that a refresh needs, and the secret that judges it. Rings may be too small to be secure. */
import type { RefreshStepTime } from '../../../../program/artifact.ts';
import { keyNeeds } from '../../../../program/key-needs.ts';
import type { ParametersLiteral, TransformGroup } from '../../../../program/parameters.ts';
import { nearestNttPrime } from '../../../../program/primes.ts';
import {
  refreshParameters,
  refreshShape,
  type RefreshPlan,
  type RefreshStep,
} from '../../../../program/semantics/refresh-plan.ts';
import { transformGrid } from '../../../../program/semantics/transform-stage.ts';
import type { NativeEngine } from '../engine-addon.ts';
import { CONJUGATION, loadEngineAddon } from '../engine-addon.ts';
import { loadAddon } from '../load-addon.ts';
import { NativeRefreshes, type PreparedRefresh } from '../refresh.ts';

export interface BootstrapChain {
  readonly polyModulusDegree: number;
  /** From the bottom: q_0, slots to coefficients, what is left for a network, the sine, coefficients to slots. */
  readonly dataBits: readonly number[];
  readonly specialBits: readonly number[];
  readonly dnum: number;
  readonly down: readonly TransformGroup[];
  readonly up: readonly TransformGroup[];
  readonly scaleBits: number;
  readonly raisedBits: number;
  readonly ratio: number;
  /** Of the ephemeral secret. */
  readonly weight: number;
}

const MEMORY_BYTES = 6 * 2 ** 30;
const CACHE_BYTES = 3 * 2 ** 30;
/** Any: all under a chain take the same keys. */
const REFRESH = { kind: 'refresh', layer: '', input: 0, output: 1, level: 0, ratio: 4 } as const;

interface Secret {
  makeRotationKey(step: number, level: number): Uint8Array;
  makeRelinearizationKey(level: number): Uint8Array;
  makeRaiseKeys(level: number, weight: number): [Uint8Array, Uint8Array];
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array;
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit: number): Float64Array;
  dispose(): void;
}

export class BootstrapParty implements Disposable {
  readonly parameters: ParametersLiteral;
  readonly slotCount: number;
  readonly keyBytes: number;
  readonly engine: NativeEngine;
  readonly #refreshes: NativeRefreshes;
  readonly #prepared: PreparedRefresh;
  readonly #secret: Secret;
  readonly #scale: number;

  constructor(chain: BootstrapChain, threads: number) {
    this.parameters = parametersOf(chain);
    const { polyModulusDegree, dataPrimes, specialPrimes, dnum } = this.parameters;
    this.slotCount = polyModulusDegree / 2;
    this.#scale = 2 ** chain.scaleBits;
    const shape = [
      polyModulusDegree,
      BigUint64Array.from(dataPrimes),
      BigUint64Array.from(specialPrimes),
      dnum,
      'automatic',
    ] as const;
    const { SecretSide } = loadAddon('he_secret') as { SecretSide: new (...args: unknown[]) => Secret };
    this.#secret = new SecretSide(...shape, 2 ** 30, threads, null, null, null);
    const { Engine } = loadEngineAddon();
    this.engine = new Engine(
      ...shape,
      MEMORY_BYTES,
      CACHE_BYTES,
      diagonals(this.parameters),
      threads,
      null,
      null,
    );
    this.keyBytes = this.#makeKeys();
    this.#refreshes = new NativeRefreshes(this.engine, this.parameters);
    this.#prepared = this.#refreshes.prepare(this.#scale, chain.ratio);
  }

  get plan(): RefreshPlan {
    return this.#prepared.plan;
  }

  /** log2 of all primes' product. */
  get logQP(): number {
    const { dataPrimes, specialPrimes } = this.parameters;
    return [...dataPrimes, ...specialPrimes].reduce((sum, each) => sum + Math.log2(Number(each)), 0);
  }

  encrypt(slots: Float64Array): number {
    return this.engine.load(this.#secret.encrypt(slots, this.plan.slotsToCoefficients.length, this.#scale));
  }

  refresh(input: number, done?: (step: RefreshStep, left: number) => void): number {
    return this.#refreshes.run(this.#prepared, input, done);
  }

  stepsMs(): RefreshStepTime[] {
    return this.#refreshes.stepsMs();
  }

  decrypt(handle: number): Float64Array {
    const [level, scale] = this.engine.describe(handle);
    return this.#secret.decrypt(this.engine.store(handle), level!, scale!, Number.MAX_VALUE);
  }

  [Symbol.dispose](): void {
    this.engine.dispose();
    this.#secret.dispose();
  }

  /** Returns what is sent of them. */
  #makeKeys(): number {
    let sent = 0;
    const count = (bytes: Uint8Array): Uint8Array => {
      sent += bytes.length;
      return bytes;
    };
    const { rotationKeys, relinearizationLevel, refreshKeys } = keyNeeds([REFRESH], this.parameters);
    const { conjugationLevel, raiseLevel } = refreshKeys!;
    for (const { step, level } of [...rotationKeys, { step: CONJUGATION, level: conjugationLevel }])
      this.engine.loadRotationKey(step, count(this.#secret.makeRotationKey(step, level)));
    this.engine.loadRelinearizationKey(count(this.#secret.makeRelinearizationKey(relinearizationLevel!)));
    const [encapsulation, decapsulation] = this.#secret.makeRaiseKeys(
      raiseLevel,
      refreshParameters(this.parameters).ephemeralWeight,
    );
    this.engine.loadRaiseKeys(count(encapsulation), count(decapsulation));
    return sent;
  }
}

function parametersOf(chain: BootstrapChain): ParametersLiteral {
  const taken = new Set<bigint>();
  const prime = (bits: number): bigint => {
    const found = nearestNttPrime(2 ** bits - 1, chain.polyModulusDegree, taken, bits);
    if (found === null) throw new Error(`no prime of ${bits} bits is left`);
    taken.add(found);
    return found;
  };
  const specialPrimes = chain.specialBits.map(prime);
  const { raisedBits, down, up } = chain;
  return {
    scheme: 'ckks',
    polyModulusDegree: chain.polyModulusDegree,
    dataPrimes: chain.dataBits.map(prime),
    specialPrimes,
    securityLevel: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits: chain.scaleBits,
    dnum: chain.dnum,
    refresh: { raisedBits, down, up, ephemeralWeight: chain.weight },
  };
}

function diagonals(parameters: ParametersLiteral): number {
  const { slotsToCoefficients, coefficientsToSlots } = refreshShape(parameters);
  return [...slotsToCoefficients, ...coefficientsToSlots].reduce(
    (sum, stage) => sum + transformGrid(stage).diagonals,
    0,
  );
}
