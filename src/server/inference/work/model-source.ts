/** Models as those who work on jobs find them. */
import type { ServedModel } from '../model-catalog.ts';

export interface ModelSource {
  /**
   * @param artifact SHA-256, hex
   * @throws ToolError ERROR_UNKNOWN_MODEL, ArtifactError
   */
  byDigest(artifact: string): Promise<ServedModel>;
}
