/** The little language that names data sets on the command line. */
import { UsageError } from '../errors.ts';
import type { MnistSplit } from './byte-records.ts';

export type DataSpec =
  | { readonly kind: 'mnist'; readonly directory: string; readonly split: MnistSplit | null }
  | { readonly kind: 'cifar10'; readonly file: string }
  | { readonly kind: 'images'; readonly directory: string }
  | { readonly kind: 'npy'; readonly values: string; readonly labels: string | null }
  | { readonly kind: 'pb'; readonly files: readonly string[] }
  | { readonly kind: 'random'; readonly seed: number };

const FORMS =
  'mnist:DIR[:train|test], cifar10:FILE.bin, images:DIR, npy:X.npy[,Y.npy], pb:FILE[,FILE…] or random:SEED';

/** @throws UsageError DATA_SPEC_INVALID */
export function parseDataSpec(spec: string): DataSpec {
  const colon = spec.indexOf(':');
  const kind = spec.slice(0, Math.max(colon, 0));
  const rest = spec.slice(colon + 1);
  if (colon < 0 || rest === '') throw invalid(spec);
  switch (kind) {
    case 'mnist': {
      const [, directory, split] = /^(.*?)(?::(train|test))?$/s.exec(rest)!;
      if (directory === undefined || directory === '') throw invalid(spec);
      return { kind, directory, split: (split as MnistSplit | undefined) ?? null };
    }
    case 'cifar10':
      return { kind, file: rest };
    case 'images':
      return { kind, directory: rest };
    case 'npy': {
      const [values, labels, ...others] = rest.split(',');
      if (values === undefined || values === '' || labels === '' || others.length > 0) throw invalid(spec);
      return { kind, values, labels: labels ?? null };
    }
    case 'pb': {
      const files = rest.split(',');
      if (files.includes('')) throw invalid(spec);
      return { kind, files };
    }
    case 'random':
      if (!/^\d{1,9}$/.test(rest)) throw invalid(spec);
      return { kind, seed: Number(rest) };
    default:
      throw invalid(spec);
  }
}

function invalid(spec: string): UsageError {
  return new UsageError('DATA_SPEC_INVALID', `"${spec}" names no data set, expected ${FORMS}`);
}
