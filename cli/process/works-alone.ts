/** Which commands need no guard. Knows the others by name alone: the guard's process loads none of them. */

/** They run until they are told to end, and end by rules of their own. */
const SERVERS = ['serve', 'work', 'crypto', 'federate', 'decryptor'];
/** Done before a second process would have begun. */
const SHORT = ['inspect', 'help'];
const TEXTS = ['-h', '--help', '-V', '--version'];

/** Of commands of two words, those that end by themselves. */
const ENDING = ['federate demo'];

export function worksAlone(argv: readonly string[]): boolean {
  const first = argv.find((word) => !word.startsWith('-'));
  if (first === undefined || argv.some((word) => TEXTS.includes(word))) return true;
  if (ENDING.includes(`${first} ${argv[argv.indexOf(first) + 1]}`)) return false;
  return SERVERS.includes(first) || SHORT.includes(first);
}
