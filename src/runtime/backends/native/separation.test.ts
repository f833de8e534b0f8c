/** The engine's addon holds no code for secret keys, whatever the sources import. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeNative } from '../testing/describe-native.ts';

/** Namespace he::secret as it stands in mangled names, and what its code says. */
const SECRET_MARKS = ['N2he6secret', 'secret key: '];
const ENGINE_MARKS = ['N2he6Engine', 'public key'];

function marksIn(addon: string, marks: readonly string[]): string[] {
  const file = readFileSync(new URL(`../../../../native/build/Release/${addon}.node`, import.meta.url));
  return marks.filter((mark) => file.includes(mark));
}

describeNative('the two addons', () => {
  it('are apart: no secret-key code in the engine', () => {
    expect(marksIn('he_engine', SECRET_MARKS)).toEqual([]);
    expect(marksIn('he_engine', ENGINE_MARKS)).toEqual(ENGINE_MARKS);
  });

  it('and the marks would be seen', () => {
    expect(marksIn('he_secret', SECRET_MARKS)).toEqual(SECRET_MARKS);
  });
});
