/** What records say of a session whose evaluation has ended, and where its result lies. */
import { expect, it } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import type { SessionRecord } from '../storage/records.ts';
import { DONE } from '../testing/evaluation-world.ts';
import { newResultKey, outcomeError, resultKeyOf, unsuccessful } from './session-outcome.ts';

const RECORD: SessionRecord = {
  ...{ clientId: 'client', sessionId: 's', state: 'running', model: 'small', keyRef: null, ompThreads: null },
  ...{ createdAt: 1, expiresAt: 2, queuedAt: 3, outcome: null },
};

const after = (code: ConstructorParameters<typeof ToolError>[0]) =>
  unsuccessful(RECORD, new ToolError(code, 'so'));

it('what did not succeed has failed, or was cancelled', () => {
  expect(after('ERROR_NOISE_OVERFLOW')).toEqual({
    ...RECORD,
    state: 'failed',
    outcome: { ok: false, errorCode: 'ERROR_NOISE_OVERFLOW', message: 'so' },
  });
  expect(after('ERROR_CANCELLED')).toEqual({ ...RECORD, state: 'cancelled' });
  expect(after('ERROR_SHUTTING_DOWN').state).toBe('failed');
  expect(outcomeError(after('ERROR_NOISE_OVERFLOW'))).toMatchObject({ code: 'ERROR_NOISE_OVERFLOW' });
  expect(outcomeError(RECORD)).toBeNull();
  expect(outcomeError({ ...RECORD, outcome: DONE })).toBeNull();
});

it('a result lies where its record says, or where all did before', () => {
  expect(newResultKey(RECORD, 7)).toBe('session/client/s/result-7');
  expect(resultKeyOf(RECORD)).toBe('session/client/s/result');
  expect(resultKeyOf({ ...RECORD, outcome: DONE })).toBe('session/client/s/result');
  expect(resultKeyOf({ ...RECORD, outcome: { ...DONE, resultKey: 'elsewhere' } })).toBe('elsewhere');
});
