/** Where the measured cost profile of this machine is kept: the user's cache folder. */
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { DEFAULT_NATIVE_PROFILE } from '../src/compiler/profile/default-profile.ts';
import { parseNativeProfile, type NativeProfile } from '../src/compiler/profile/native-profile.ts';
import { CompileError, HeError } from '../src/errors.ts';
import { writeWhole } from './terminal/write-file.ts';

/** $XDG_CACHE_HOME/he-compile/native-profile-1.json; ~/.cache where that is unset (XDG Base Directory Specification). */
export function profileFile(): string {
  const configured = process.env['XDG_CACHE_HOME'];
  // Relative paths are to be ignored, says the specification.
  const cache = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(cache, 'he-compile', 'native-profile-1.json');
}

export async function saveProfile(profile: NativeProfile, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeWhole(file, new TextEncoder().encode(`${JSON.stringify(profile, null, 2)}\n`));
}

/**
 * @param choice a file, "default" for the shipped profile, or undefined: the one measured on this machine if there is one
 * @param note told if the measured one had to be ignored
 * @throws CompileError PROFILE_INVALID if the file asked for is none
 */
export async function loadProfile(
  choice: string | undefined,
  note: (line: string) => void,
): Promise<NativeProfile> {
  if (choice === 'default') return DEFAULT_NATIVE_PROFILE;
  if (choice !== undefined) return readProfile(choice);
  const file = profileFile();
  try {
    return await readProfile(file);
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    if (error.code !== 'PROFILE_NOT_FOUND') note(`ignoring ${file}: ${error.message}`);
    return DEFAULT_NATIVE_PROFILE;
  }
}

async function readProfile(file: string): Promise<NativeProfile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CompileError('PROFILE_NOT_FOUND', `the cost profile ${file} cannot be read`, {
      cause,
      hint: 'measure one with "he-compile profile", or use --profile default',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CompileError('PROFILE_INVALID', `${file} is not JSON`, {
      cause,
      hint: 'measure it again with "he-compile profile"',
    });
  }
  return parseNativeProfile(json);
}
