import { afterEach, describe, expect, it, vi } from 'vitest';
import { HeError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import { testParameters } from '../../program/testing/test-parameters.ts';
import type { BackendName } from '../backend.ts';
import { nativeUnavailable } from '../backends/native/load-addon.ts';
import { chooseBackend } from './choose-backend.ts';

const SEAL_SHAPED = testParameters(8192, [44, 28, 28], 58, 28);
const HYBRID = { ...SEAL_SHAPED, specialPrimes: [3n, 5n], dnum: 2 } as CkksParameters;
const LARGE = { ...SEAL_SHAPED, polyModulusDegree: 65536 } as CkksParameters;
const FEW_DIGITS = { ...SEAL_SHAPED, dnum: 1 } as CkksParameters;

function refusalOf(parameters: CkksParameters, compiledFor: BackendName, asked: BackendName | null): HeError {
  try {
    chooseBackend(parameters, compiledFor, asked);
  } catch (error) {
    if (error instanceof HeError) return error;
    throw error;
  }
  throw new Error('nothing thrown');
}

afterEach(() => vi.unstubAllEnvs());

describe('without the native engine', () => {
  it('node-seal serves what it can, unless native was asked for', () => {
    vi.stubEnv('HE_COMPILE_NATIVE', 'off');
    expect(chooseBackend(SEAL_SHAPED, 'seal', null)).toEqual({ backend: 'seal', note: null });
    expect(chooseBackend(SEAL_SHAPED, 'native', null).backend).toBe('seal');
    expect(chooseBackend(SEAL_SHAPED, 'native', null).note).toContain('HE_COMPILE_NATIVE=off');
    const refusal = refusalOf(SEAL_SHAPED, 'seal', 'native');
    expect(refusal.code).toBe('BACKEND_UNAVAILABLE');
    expect(refusal.hint).toContain('use --backend seal');
  });

  it('says both why there is none and why node-seal is no way out', () => {
    vi.stubEnv('HE_COMPILE_NATIVE', 'off');
    const refusal = refusalOf(HYBRID, 'native', null);
    expect(refusal.message).toContain('HE_COMPILE_NATIVE=off');
    expect(refusal.message).toContain('exactly one special prime, not 2');
    expect(refusal.hint).not.toContain('--backend seal');
  });
});

it.each([
  [HYBRID, 'special prime'],
  [FEW_DIGITS, 'not 1 digits'],
  [LARGE, 'not 65536'],
])('node-seal is refused with the reason, and native named', (parameters, reason) => {
  const refusal = refusalOf(parameters, 'native', 'seal');
  expect(refusal.code).toBe('PARAMETERS_UNSUPPORTED');
  expect(refusal.message).toContain(reason);
  expect(refusal.hint).toContain('--backend native');
});

it('everything runs in the clear', () => {
  expect(chooseBackend(LARGE, 'native', 'cleartext')).toEqual({ backend: 'cleartext', note: null });
});

it.runIf(nativeUnavailable() === null)('native is taken where it is there', () => {
  expect(chooseBackend(HYBRID, 'native', null)).toEqual({ backend: 'native', note: null });
  expect(chooseBackend(SEAL_SHAPED, 'seal', 'native')).toEqual({ backend: 'native', note: null });
});
