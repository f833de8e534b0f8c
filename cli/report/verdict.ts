/** What `check` foresees of a model, by backend and degree. */
import type { DegreeVerdict } from '../../src/compiler/pipeline.ts';
import { backendTitle, formatBytes, formatMs } from './format.ts';

export interface Verdict {
  /** Where ranges were taken from; null for random inputs. */
  readonly calibration: string | null;
  readonly backends: readonly {
    readonly backend: string;
    /** Whether any degree fits. */
    readonly fits: boolean;
    readonly degrees: readonly {
      /** Of all activations whose degree is open; null where there is none. */
      readonly degree: number | null;
      /** Least levels. */
      readonly depth: number;
      readonly polyModulusDegree: number | null;
      readonly fits: boolean;
      /** Why not. */
      readonly obstacle: string | null;
      /** Rough, before anything is composed; null where nothing holds it, or for a model too large to be laid out in seconds. */
      readonly aboutMs: number | null;
      readonly aboutKeyBytes: number | null;
      readonly aboutMemoryBytes: number | null;
    }[];
  }[];
}

export function verdictOf(
  verdicts: ReadonlyMap<string, readonly DegreeVerdict[]>,
  calibration: string | null,
): Verdict {
  const backends = [...verdicts].map(([backend, found]) => ({
    backend,
    fits: found.some(({ obstacle }) => obstacle === null),
    degrees: found.map(({ degree, depth, polyModulusDegree, estimate, obstacle }) => ({
      degree,
      depth,
      polyModulusDegree,
      fits: obstacle === null,
      obstacle,
      aboutMs: estimate?.milliseconds ?? null,
      aboutKeyBytes: estimate?.keyBytes ?? null,
      aboutMemoryBytes: estimate?.memoryBytes ?? null,
    })),
  }));
  return { calibration, backends };
}

export function verdictText({ calibration, backends }: Verdict): string {
  const ranges = calibration === null ? 'random inputs' : calibration;
  const lines = [`before anything is fitted or packed (ranges from ${ranges}):`];
  for (const { backend, degrees } of backends) {
    lines.push(`  ${backendTitle(backend)}`);
    for (const { degree, depth, polyModulusDegree, fits, obstacle, ...about } of degrees) {
      const name = degree === null ? 'as it is' : `degree ${degree}`;
      const ring = polyModulusDegree === null ? '' : `, N = ${polyModulusDegree}`;
      const cost =
        about.aboutMs === null
          ? ''
          : `, about ${formatMs(about.aboutMs)} on one core, keys ${formatBytes(about.aboutKeyBytes)}, memory ${formatBytes(about.aboutMemoryBytes)}`;
      lines.push(
        `    ${fits ? 'fits' : 'no  '}  ${name.padEnd(9)}  ${depth} levels${ring}${cost}${obstacle === null ? '' : `: ${obstacle}`}`,
      );
    }
  }
  return lines.join('\n');
}
