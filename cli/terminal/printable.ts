/** Names come from files that nobody vouches for: what they hold must not steer the terminal, nor flood it. */

/** Longest run without a space that is shown whole: longer than any path a system takes. */
const LONGEST_WORD = 4096;
const ENDS_SHOWN = 100;

// Everything of Unicode's Cc but the line feed, and the marks that turn the direction of writing.
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text for people: control characters become visible escapes, endless words lose their middle. */
export function printable(text: string): string {
  return text
    .replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/[^\s]+/g, (word) =>
      word.length <= LONGEST_WORD ? word : `${word.slice(0, ENDS_SHOWN)}…${word.slice(-ENDS_SHOWN)}`,
    );
}
