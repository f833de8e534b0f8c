/**
 * What all drivers have in common. A driver is told on standard input where the server is and which tool to call with what, and says
 * on standard output which tools there are and what was answered. It runs beside the packages that it drives, so it is JavaScript.
 */
import { text } from 'node:stream/consumers';

/**
 * @param work given {transport, command, args, env, url, headers, tool, arguments}; gives {tools, answer}, the answer as structured
 *   content or as the text that holds it
 */
export async function drive(work) {
  const given = JSON.parse(await text(process.stdin));
  const { tools, answer } = await work(given);
  const parsed = typeof answer === 'string' ? JSON.parse(answer) : answer;
  process.stdout.write(`\n${JSON.stringify({ tools, answer: parsed })}\n`, () => process.exit(0));
}
