/**
 * Words of the other side on their way to agents and terminals: one line of bounded length. They are shown in fields of their own and
 * never become part of a sentence of ours, since an agent might take them for instructions.
 */

export const MAX_LABEL = 120;
export const MAX_NAME = 256;
export const MAX_MESSAGE = 200;

/** Control and format characters (among them what turns the direction of writing, and tags that nobody sees), line and paragraph separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]+/gu;

/** Without what is not seen, white space as single blanks, and cut with an ellipsis. */
export function oneLine(text: string, maxLength: number): string {
  // Cut before it is gone through, in case it is megabytes; what is taken out makes it shorter.
  const start = text.slice(0, 8 * maxLength);
  const line = start.replace(INVISIBLE, ' ').replace(/\s+/gu, ' ').trim();
  const whole = start.length === text.length && line.length <= maxLength;
  return whole ? line : `${[...line].slice(0, maxLength - 1).join('')}…`;
}
