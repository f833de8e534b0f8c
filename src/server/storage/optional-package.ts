/** Packages that only servers beyond one machine need: loaded when they are asked for, and installed by whoever wants them. */
import { UsageError } from '../../errors.ts';

/**
 * @param load imports the package; called at once
 * @param forWhat completes "the package … is needed for"
 * @throws UsageError PACKAGE_MISSING where it is not installed
 */
export async function optionalPackage<T>(name: string, forWhat: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!isMissing(cause, name)) throw cause;
    throw new UsageError('PACKAGE_MISSING', `the package ${name}, needed for ${forWhat}, is not installed`, {
      hint: `npm install ${name}`,
      cause,
    });
  }
}

/** The package itself, or what it is made of: both are mended by installing it. */
function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(name)
  );
}
