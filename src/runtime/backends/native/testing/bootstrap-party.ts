/** An engine with everything that a refresh needs, and the secret that judges it. Rings may be too small to be secure. */
import { nearestNttPrime } from '../../../../program/primes.ts';
import {
  planRefresh,
  type RefreshPlan,
  type TransformGroup,
} from '../../../../program/semantics/refresh-plan.ts';
import { stageSteps } from '../../../../program/semantics/transform-stage.ts';
import type { NativeEngine } from '../engine-addon.ts';
import { loadEngineAddon } from '../engine-addon.ts';
import { loadAddon } from '../load-addon.ts';
import { NativeRefresh } from '../refresh.ts';

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
}

/** Weight of the ephemeral secret. */
const WEIGHT = 40;
const MEMORY_BYTES = 6 * 2 ** 30;
const CACHE_BYTES = 3 * 2 ** 30;

interface Secret {
  makeRotationKey(step: number, level: number): Uint8Array;
  makeRelinearizationKey(level: number): Uint8Array;
  makeRaiseKeys(level: number, weight: number): [Uint8Array, Uint8Array];
  encrypt(slots: Float64Array, level: number, scale: number): Uint8Array;
  decrypt(bytes: Uint8Array, level: number, scale: number, noiseLimit: number): Float64Array;
  dispose(): void;
}

export class BootstrapParty implements Disposable {
  readonly plan: RefreshPlan;
  readonly slotCount: number;
  /** log2 of all primes' product. */
  readonly logQP: number;
  readonly keyBytes: number;
  readonly engine: NativeEngine;
  readonly refresh: NativeRefresh;
  readonly #secret: Secret;
  readonly #scale: number;

  constructor(chain: BootstrapChain, threads: number) {
    const n = chain.polyModulusDegree;
    const taken = new Set<bigint>();
    const prime = (bits: number): bigint => {
      const found = nearestNttPrime(2 ** bits - 1, n, taken, bits);
      if (found === null) throw new Error(`no prime of ${bits} bits is left`);
      taken.add(found);
      return found;
    };
    const specials = chain.specialBits.map(prime);
    const primes = chain.dataBits.map(prime);
    const q = primes.map(Number);
    this.logQP = [...primes, ...specials].reduce((sum, each) => sum + Math.log2(Number(each)), 0);
    this.slotCount = n / 2;
    this.#scale = 2 ** chain.scaleBits;
    this.plan = planRefresh({
      slotCount: this.slotCount,
      primes: q,
      scale: this.#scale,
      raisedScale: 2 ** chain.raisedBits,
      ratio: chain.ratio,
      down: chain.down,
      up: chain.up,
    });
    const shape = [
      n,
      BigUint64Array.from(primes),
      BigUint64Array.from(specials),
      chain.dnum,
      'automatic',
    ] as const;
    const { SecretSide } = loadAddon('he_secret') as { SecretSide: new (...args: unknown[]) => Secret };
    this.#secret = new SecretSide(...shape, 2 ** 30, threads, null, null, null);
    const plaintexts = [...this.plan.slotsToCoefficients, ...this.plan.coefficientsToSlots].reduce(
      (sum, { diagonals }) => sum + diagonals.size,
      0,
    );
    const { Engine } = loadEngineAddon();
    this.engine = new Engine(...shape, MEMORY_BYTES, CACHE_BYTES, plaintexts, threads, null, null);
    this.keyBytes = this.#makeKeys(primes.length - 1);
    this.refresh = new NativeRefresh(this.engine, this.plan, q);
  }

  encrypt(slots: Float64Array): number {
    return this.engine.load(this.#secret.encrypt(slots, this.plan.slotsToCoefficients.length, this.#scale));
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
  #makeKeys(top: number): number {
    let sent = 0;
    const count = (bytes: Uint8Array): Uint8Array => {
      sent += bytes.length;
      return bytes;
    };
    const levels = new Map<number, number>();
    for (const stage of [...this.plan.slotsToCoefficients, ...this.plan.coefficientsToSlots]) {
      for (const step of stageSteps(stage)) levels.set(step, Math.max(levels.get(step) ?? 0, stage.level));
    }
    for (const [step, level] of levels)
      this.engine.loadRotationKey(step, count(this.#secret.makeRotationKey(step, level)));
    this.engine.loadRelinearizationKey(count(this.#secret.makeRelinearizationKey(this.plan.sineLevel)));
    const [narrow, wide] = this.#secret.makeRaiseKeys(top, WEIGHT);
    this.engine.loadRaiseKeys(count(narrow), count(wide));
    return sent;
  }
}
