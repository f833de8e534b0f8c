import { afterEach, describe, expect, it, vi } from 'vitest';
import { HeError } from '../../errors.ts';
import { nativeMemory } from '../../program/native-memory.ts';
import type { CkksParameters } from '../../program/security.ts';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { nativeUnavailable } from '../backends/native/load-addon.ts';
import type { AskedBackend, ChosenFor } from './choose-backend.ts';
import { backendToPlanFor, chooseBackend } from './choose-backend.ts';

const { program } = smallArtifact();
const PARAMETERS = testParameters(8192, [44, 28, 28], 58, 28);

function artifact(parameters: Partial<CkksParameters>, memoryBudgetMb = 6144): ChosenFor {
  return {
    program,
    parameters: { ...PARAMETERS, ...parameters },
    report: { memoryBudgetMb },
  };
}

const SEAL_SHAPED = artifact({});
const HYBRID = artifact({ specialPrimes: [3n, 5n], dnum: 2 });
const LARGE = artifact({ polyModulusDegree: 65536 });
const FEW_DIGITS = artifact({ dnum: 1 });
const INTEGERS = artifact({ scheme: 'bfv' });
const REFRESHING = artifact({
  refresh: { raisedBits: 41, down: [], up: [], ephemeralWeight: 40 },
});
const CLEAR = artifact({ scheme: 'cleartext' });

function refusalOf(chosenFor: ChosenFor, asked: AskedBackend): HeError {
  try {
    chooseBackend(chosenFor, asked);
  } catch (error) {
    if (error instanceof HeError) return error;
    throw error;
  }
  throw new Error('nothing thrown');
}

afterEach(() => vi.unstubAllEnvs());

describe('without the native engine', () => {
  it('what is refreshed is refused, with the reason and what to do', () => {
    vi.stubEnv('HE_COMPILE_NATIVE', 'off');
    for (const asked of ['auto', 'native'] as const) {
      const refusal = refusalOf(REFRESHING, asked);
      expect(refusal.code).toBe('BACKEND_UNAVAILABLE');
      expect(refusal.message).toMatch(/HE_COMPILE_NATIVE=off.*node-seal has no refresh/);
      expect(refusal.hint).toContain('npm run build:native');
    }
    expect(refusalOf(REFRESHING, 'seal')).toMatchObject({
      code: 'PARAMETERS_UNSUPPORTED',
      message:
        'node-seal cannot evaluate this artifact: node-seal has no refresh (bootstrap), which these parameters are for',
    });
  });

  it('programs are planned for node-seal, and that is said', () => {
    vi.stubEnv('HE_COMPILE_NATIVE', 'off');
    const choice = backendToPlanFor('auto', 'ckks');
    expect(choice.backend).toBe('seal');
    expect(choice.note).toContain('HE_COMPILE_NATIVE=off');
    // What was asked for stays, for other machines.
    expect(backendToPlanFor('native', 'ckks')).toEqual({ backend: 'native', note: null });
  });

  it('node-seal serves what it can, unless native was asked for', () => {
    vi.stubEnv('HE_COMPILE_NATIVE', 'off');
    expect(chooseBackend(SEAL_SHAPED, 'auto').backend).toBe('seal');
    expect(chooseBackend(SEAL_SHAPED).note).toContain('HE_COMPILE_NATIVE=off');
    expect(chooseBackend(SEAL_SHAPED, 'seal')).toEqual({ backend: 'seal', note: null });
    const refusal = refusalOf(SEAL_SHAPED, 'native');
    expect(refusal.code).toBe('BACKEND_UNAVAILABLE');
    expect(refusal.hint).toContain('use --backend seal');
  });

  it('says both why there is none and why node-seal is no way out', () => {
    vi.stubEnv('HE_COMPILE_NATIVE', 'off');
    const refusal = refusalOf(HYBRID, 'auto');
    expect(refusal.code).toBe('BACKEND_UNAVAILABLE');
    expect(refusal.message).toContain('HE_COMPILE_NATIVE=off');
    expect(refusal.message).toContain('exactly one special prime, not 2');
    expect(refusal.hint).toContain('compile the model with --backend seal');
    expect(refusal.hint).not.toContain('use --backend seal');
  });
});

it.each([
  [HYBRID, 'special prime'],
  [FEW_DIGITS, 'not 1 digits'],
  [LARGE, 'not 65536'],
])('node-seal is refused with the reason, and native named', (chosenFor, reason) => {
  const refusal = refusalOf(chosenFor, 'seal');
  expect(refusal.code).toBe('PARAMETERS_UNSUPPORTED');
  expect(refusal.message).toContain(reason);
  expect(refusal.hint).toContain('--backend native');
});

it('everything runs in the clear, and what is for the clear runs nowhere else by itself', () => {
  expect(chooseBackend(LARGE, 'cleartext')).toEqual({ backend: 'cleartext', note: null });
  expect(chooseBackend(CLEAR, 'auto')).toEqual({ backend: 'cleartext', note: null });
});

it('integers go to node-seal', () => {
  expect(backendToPlanFor('auto', 'bfv')).toEqual({ backend: 'seal', note: null });
  expect(chooseBackend(INTEGERS, 'auto')).toEqual({ backend: 'seal', note: null });
  expect(refusalOf(INTEGERS, 'native').message).toContain('no BFV');
});

describe.runIf(nativeUnavailable() === null)('with the native engine', () => {
  it('programs are planned for it, unless another backend is asked for', () => {
    expect(backendToPlanFor('auto', 'ckks')).toEqual({ backend: 'native', note: null });
    expect(backendToPlanFor('seal', 'ckks')).toEqual({ backend: 'seal', note: null });
  });

  it.each([SEAL_SHAPED, HYBRID])('it evaluates, whoever a program was planned for', (chosenFor) => {
    expect(chooseBackend(chosenFor, 'auto')).toEqual({ backend: 'native', note: null });
    expect(chooseBackend(chosenFor, 'native')).toEqual({ backend: 'native', note: null });
  });

  it('node-seal evaluates by itself what was planned for less memory than the engine takes', () => {
    const least = Math.ceil(nativeMemory(program, PARAMETERS).total / 2 ** 20);
    expect(chooseBackend(artifact({}, least)).backend).toBe('native');
    const { backend, note } = chooseBackend(artifact({}, least - 1));
    expect(backend).toBe('seal');
    expect(note).toContain(`planned for ${least - 1}`);
    // What node-seal cannot take stays with the engine, which says itself how much it needs.
    expect(chooseBackend(artifact({ specialPrimes: [3n, 5n], dnum: 2 }, 16)).backend).toBe('native');
  });
});
