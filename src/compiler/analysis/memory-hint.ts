import type { CompileOptions } from '../options.ts';
import { encryptingTargets, targetOf } from '../targets/registry.ts';

/** What to do where no program fits into the memory that there is. */
export function memoryHint({
  backend,
  maxMemoryMb,
}: Pick<CompileOptions, 'backend' | 'maxMemoryMb'>): string {
  const { heap } = targetOf(backend);
  const others = heap === null ? [] : encryptingTargets().filter((other) => other.heap === null);
  return [
    ...others.map(({ name }) => `--backend ${name} is not bound to ${heap!.title}`),
    `fewer levels need smaller keys: lower the degrees with --activation${raising(heap?.bytes ?? Infinity, maxMemoryMb)}`,
    '--backend cleartext verifies the model without encryption',
  ].join('; ');
}

/** @param most bytes beyond which more is of no use */
function raising(most: number, maxMemoryMb: number): string {
  const mb = most / 2 ** 20;
  if (mb === Infinity) return ', or raise --max-memory-mb';
  return maxMemoryMb < mb ? `, or raise --max-memory-mb up to ${mb}` : '';
}
