/** The models served: decoded once, named uniquely, each with what requests are checked against. */
import { ArtifactError, UsageError } from '../../errors.ts';
import type { Artifact } from '../../program/artifact.ts';
import { artifactDigest, decodeArtifact } from '../../program/codec.ts';
import { sealCiphertextBytes } from '../../program/memory-model.ts';
import { readBounded } from '../../data/read-file.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { evaluationBackend } from './evaluation/evaluation-backend.ts';
import { keyBytesBound } from './key-needs.ts';
import { algorithmId, sealVersion } from './algorithm-id.ts';

export const MAX_ARTIFACT_BYTES = 2047 * 2 ** 20;

export interface ServedModel {
  readonly id: string;
  readonly file: string;
  readonly digest: string;
  readonly fileBytes: number;
  readonly artifact: Artifact;
  readonly algorithmId: string;
  /** The most that a key set may have. */
  readonly maxKeyBytes: number;
  /** The most that the inputs of one inference may have. */
  readonly maxInputBytes: number;
  /** Forecast of one evaluation, in seconds. */
  readonly costSeconds: number;
}

/** Models as those who work on jobs find them. */
export interface ModelSource {
  /**
   * @param artifact SHA-256, hex
   * @throws ToolError ERROR_UNKNOWN_MODEL, ArtifactError
   */
  byDigest(artifact: string): Promise<ServedModel>;
}

export class ModelCatalog implements ModelSource {
  readonly #models: ReadonlyMap<string, ServedModel>;

  /** @throws ArtifactError if a file is no artifact, or one that cannot be served */
  static async load(files: readonly string[]): Promise<ModelCatalog> {
    const models = new Map<string, ServedModel>();
    for (const file of files) {
      const model = await readModel(file);
      const name = model.artifact.signature.model;
      const id = models.has(name) ? `${name}-${model.digest.slice(0, 8)}` : name;
      if (models.has(id)) throw new UsageError('USAGE', `${file} is given twice`);
      models.set(id, { ...model, id });
    }
    if (models.size === 0) throw new ArtifactError('ARTIFACT_MISSING', 'no model to serve was given');
    return new ModelCatalog(models);
  }

  private constructor(models: ReadonlyMap<string, ServedModel>) {
    this.#models = models;
  }

  get all(): readonly ServedModel[] {
    return [...this.#models.values()];
  }

  /** @throws ToolError ERROR_UNKNOWN_MODEL */
  get(id: string): ServedModel {
    const model = this.#models.get(id);
    if (model === undefined) throw new ToolError('ERROR_UNKNOWN_MODEL', 'there is no model of this name');
    return model;
  }

  async byDigest(artifact: string): Promise<ServedModel> {
    const model = this.all.find(({ digest }) => digest === artifact);
    if (model === undefined) throw new ToolError('ERROR_UNKNOWN_MODEL', 'this model is not served any more');
    return model;
  }

  /**
   * The one asked for, or the only one.
   * @throws ToolError ERROR_UNKNOWN_MODEL or ERROR_MODEL_AMBIGUOUS
   */
  choose(id: string | undefined): ServedModel {
    if (id !== undefined) return this.get(id);
    const [only, ...others] = this.all;
    if (only === undefined || others.length > 0) {
      throw new ToolError('ERROR_MODEL_AMBIGUOUS', `${this.#models.size} models are served, name one`);
    }
    return only;
  }

  /** Models that run on keys of the same parameters. */
  ofAlgorithm(id: string): ServedModel[] {
    return this.all.filter((model) => model.algorithmId === id);
  }
}

/**
 * Under the name that it has in the file.
 * @throws ArtifactError if it is no artifact, or one that cannot be served
 */
export async function readModel(file: string): Promise<ServedModel> {
  const bytes = await readBounded(file, MAX_ARTIFACT_BYTES, 'the artifact');
  const artifact = decodeArtifact(bytes);
  // Better to refuse at the start what cannot be evaluated here.
  evaluationBackend(artifact);
  return {
    id: artifact.signature.model,
    file,
    digest: artifactDigest(bytes),
    fileBytes: bytes.length,
    artifact,
    algorithmId: algorithmId(artifact, sealVersion()),
    maxKeyBytes: keyBytesBound(artifact),
    maxInputBytes: inputBytesBound(artifact),
    costSeconds: artifact.report.predicted.latencyMs / 1000,
  };
}

/** Public-key ciphertexts have no seed: two whole polynomials each. */
function inputBytesBound({ signature, parameters }: Artifact): number {
  const ciphertexts = signature.inputs.reduce(
    (sum, { layout, level }) => sum + layout.ciphertexts * (sealCiphertextBytes(parameters, level) + 1024),
    0,
  );
  return ciphertexts + 2 ** 20;
}
