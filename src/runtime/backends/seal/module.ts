/** Loads one instance of node-seal, and translates what it throws. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { initialize } from 'node-seal';
import type { MainModule } from 'node-seal';
import { BackendError, HeError } from '../../../errors.ts';

export interface SealModule {
  readonly seal: MainModule;
  /** Current size of the WASM heap. */
  heapBytes(): number;
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** The part of the standard interface that is used here; Node's type definitions leave it out. */
declare const WebAssembly: {
  instantiate(
    binary: Uint8Array,
    imports: object,
  ): Promise<{ readonly instance: WasmInstance; readonly module: object }>;
  readonly Memory: new () => WasmMemory;
};

function isMemory(value: unknown): value is WasmMemory {
  return value instanceof WebAssembly.Memory;
}

/** @throws BackendError SEAL_UNAVAILABLE if node-seal cannot be loaded (Node 20 and older cannot) */
export async function loadSeal(): Promise<SealModule> {
  const loaded: { memory: WasmMemory | null } = { memory: null };
  const binary = readFileSync(locateWasm());
  try {
    const seal = await initialize({
      // Instantiated here rather than by node-seal, because that is the only way to see the size of its heap.
      instantiateWasm(imports: object, receive: (instance: WasmInstance, module: object) => void): object {
        void WebAssembly.instantiate(binary, imports).then(({ instance, module }) => {
          loaded.memory = Object.values(instance.exports).find(isMemory) ?? null;
          receive(instance, module);
        });
        return {};
      },
    });
    return { seal, heapBytes: () => loaded.memory?.buffer.byteLength ?? 0 };
  } catch (cause) {
    throw new BackendError('SEAL_UNAVAILABLE', `node-seal failed to load: ${messageOf(cause)}`, {
      hint: 'node-seal needs Node.js 22 or newer',
      cause,
    });
  }
}

function locateWasm(): string {
  const folders = createRequire(import.meta.url).resolve.paths('node-seal') ?? [];
  for (const folder of folders) {
    const path = join(folder, 'node-seal', 'dist', 'seal_throws.wasm');
    if (existsSync(path)) return path;
  }
  throw new BackendError('SEAL_UNAVAILABLE', 'node-seal is not installed', { hint: 'run npm install' });
}

/** SEAL throws WebAssembly exceptions whose `message` is [C++ type, text]. */
function messageOf(thrown: unknown): string {
  const message: unknown = (thrown as { message?: unknown } | null)?.message;
  if (Array.isArray(message)) return message.filter((part) => typeof part === 'string').join(': ');
  return typeof message === 'string' ? message : 'unknown error';
}

/** Runs an operation of SEAL; what it throws becomes a BackendError SEAL_FAILED. */
export function callSeal<T>(what: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    if (cause instanceof HeError) throw cause;
    throw new BackendError('SEAL_FAILED', `${what} failed: ${messageOf(cause)}`, { cause });
  }
}
