import { describe, expect, it } from 'vitest';
import { optionalPackage } from './optional-package.ts';

const notFound = (what: string) =>
  Object.assign(new Error(`Cannot find package '${what}'`), { code: 'ERR_MODULE_NOT_FOUND' });

describe('an optional package', () => {
  it('is what loading it gives', async () => {
    expect(await optionalPackage('pg', 'PostgreSQL', async () => 7)).toBe(7);
  });

  it('is said to be missing, and how to install it', async () => {
    const missing = optionalPackage('pg', 'PostgreSQL', () => Promise.reject(notFound('pg')));
    await expect(missing).rejects.toMatchObject({
      ...{ code: 'PACKAGE_MISSING', exitCode: 2, hint: 'npm install pg' },
      message: expect.stringContaining('needed for PostgreSQL') as string,
    });
  });

  it('that fails for reasons of its own is not said to be missing', async () => {
    const broken = new TypeError('broken');
    await expect(optionalPackage('pg', 'PostgreSQL', () => Promise.reject(broken))).rejects.toBe(broken);
    const other = notFound('other');
    await expect(optionalPackage('pg', 'PostgreSQL', () => Promise.reject(other))).rejects.toBe(other);
  });
});
