import { describe, expect, it } from 'vitest';
import { ERROR_TABLE, isErrorCode, isRetryable, ToolError } from './error-codes.ts';

describe('the table of errors', () => {
  it.each(Object.entries(ERROR_TABLE))('says of %s when it is sent and what to do', (code, entry) => {
    expect(code).toMatch(/^ERROR_[A-Z]+(_[A-Z]+)*$/);
    expect(entry.meaning.length).toBeGreaterThan(8);
    expect(entry.hint.length).toBeGreaterThan(8);
  });

  it('gives no two codes one meaning', () => {
    const meanings = Object.values(ERROR_TABLE).map(({ meaning }) => meaning);
    expect(new Set(meanings).size).toBe(meanings.length);
  });

  it('knows its own codes, and nothing else', () => {
    expect(isErrorCode('ERROR_BUSY')).toBe(true);
    for (const other of ['ERROR_', 'toString', '', 7, null, undefined])
      expect(isErrorCode(other)).toBe(false);
  });
});

describe('an error', () => {
  it('carries the hint of its code, its cause, and how long to wait', () => {
    const cause = new Error('cause');
    const error = new ToolError('ERROR_BUSY', 'full', { retryAfterMs: 250, cause });
    expect(error).toMatchObject({ code: 'ERROR_BUSY', message: 'full', retryAfterMs: 250, cause });
    expect(error.hint).toBe(ERROR_TABLE.ERROR_BUSY.hint);
    const bare = new ToolError('ERROR_REPLAYED', 'again');
    expect(bare.retryAfterMs).toBeUndefined();
    expect('cause' in bare).toBe(false);
  });

  it('may be retried where waiting alone can help', () => {
    const retryable = Object.keys(ERROR_TABLE).filter((code) => isErrorCode(code) && isRetryable(code));
    expect(retryable).toEqual(expect.arrayContaining(['ERROR_RATE_LIMITED', 'ERROR_BUSY']));
    for (const code of retryable) expect(code).not.toMatch(/INVALID|UNAUTHORIZED|REPLAYED|REFUSED|EXPIRED/);
    expect(isRetryable('ERROR_REPLAYED')).toBe(false);
  });
});
