/** Global models as files that people and other commands take, in a folder of the state folder. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GlobalModelRecord } from '../storage/federation-store.ts';
import type { GlobalModels } from './global-models.ts';

const FOLDER = 'exports';

export class ModelExports {
  readonly #stateFolder: string;
  readonly #federation: string;
  readonly #models: GlobalModels;

  constructor(stateFolder: string, federation: string, models: GlobalModels) {
    this.#stateFolder = stateFolder;
    this.#federation = federation;
    this.#models = models;
  }

  /** @returns its path below the state folder; the same model has the same path and bytes */
  async write(model: GlobalModelRecord): Promise<string> {
    const file = join(FOLDER, `${this.#federation}-${model.version}.onnx`);
    await mkdir(join(this.#stateFolder, FOLDER), { recursive: true, mode: 0o700 });
    const path = join(this.#stateFolder, file);
    await writeFile(`${path}.part`, await this.#models.read(model), { mode: 0o600 });
    await rename(`${path}.part`, path);
    return file;
  }
}
