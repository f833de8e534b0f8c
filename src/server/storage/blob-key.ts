/** The names that blobs may have: the same for every store, so that what one takes, all take. */
import { InternalError } from '../../errors.ts';

/** Segments begin with neither dot nor nothing: no path leads out of a folder, and what begins with a dot is the store's own. */
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/;

/** @throws InternalError for what is no key of a blob */
export function checkedKey(key: string): string {
  if (!KEY.test(key)) throw new InternalError(`"${key}" is no key of a blob`);
  return key;
}
