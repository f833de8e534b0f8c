/** `--dump-ir-after`: stages as JSON files that people can read and compare. */
import { UsageError } from '../src/errors.ts';
import { writeWhole } from './terminal/write-file.ts';

/** Values shown of a long array; its length is always shown. */
const SHOWN = 16;

export class IrDump {
  readonly #asked: string;
  readonly #artifactFile: string;
  readonly #passes: string[] = [];
  readonly #files = new Map<string, string>();

  constructor(asked: string, artifactFile: string) {
    this.#asked = asked;
    this.#artifactFile = artifactFile;
  }

  /** Renders at once, so that a stage changed by nobody's intention later would not hide. */
  record(pass: string, result: unknown): void {
    this.#passes.push(pass);
    if (this.#asked !== 'all' && this.#asked !== pass) return;
    const number = String(this.#passes.length).padStart(2, '0');
    this.#files.set(`${this.#artifactFile}.${number}-${pass}.json`, JSON.stringify(result, readable, 2));
  }

  /** @throws UsageError UNKNOWN_PASS if nothing has that name */
  async write(): Promise<string[]> {
    if (this.#files.size === 0) {
      throw new UsageError('UNKNOWN_PASS', `--dump-ir-after ${this.#asked}: no pass has this name`, {
        hint: `passes: ${[...new Set(this.#passes)].join(', ')}, or all`,
      });
    }
    for (const [file, text] of this.#files) await writeWhole(file, `${text}\n`);
    return [...this.#files.keys()];
  }
}

function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>);
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return value;
  const array = value as Float64Array | Int32Array | Uint8Array;
  const name = array.constructor.name;
  return { [name]: array.length, values: [...array.subarray(0, SHOWN)] };
}
