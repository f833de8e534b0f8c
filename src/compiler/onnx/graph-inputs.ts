/** Which graph inputs are encrypted, which are constants, and what their static shapes are. */
import { ImportError } from '../../errors.ts';
import type { ConstantTensor, Shape } from '../ir/tensor-graph.ts';
import type { DocumentTensor, ModelDocument } from './decode.ts';
import { sizeOf } from './shapes.ts';
import { MAX_ELEMENTS, MAX_RANK, isFloatingType, isNumericType } from '../../onnx/tensor-data.ts';

export interface InputOptions {
  readonly bind: ReadonlyMap<string, ConstantTensor>;
  readonly dimensions: ReadonlyMap<string, number>;
  /** Size of a symbolic first axis. */
  readonly batch: number;
}

export interface GraphInputs {
  readonly encrypted: ReadonlyMap<string, Shape>;
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  readonly warnings: readonly string[];
}

/** Names by which the unnamed dimensions of an input can be set. */
function dimensionName(input: DocumentTensor, axis: number): string {
  const dim = input.shape?.[axis];
  return typeof dim === 'string' ? dim : `${input.name}_dim${axis}`;
}

function resolveShape(input: DocumentTensor, options: InputOptions, batchNames: ReadonlySet<string>): Shape {
  if (input.shape === null) {
    throw new ImportError('UNKNOWN_SHAPE', `graph input '${input.name}' has no declared shape`, {
      hint: 'export the model with the shapes of its inputs',
    });
  }
  if (input.shape.length > MAX_RANK) {
    throw new ImportError(
      'INVALID_SHAPE',
      `graph input '${input.name}' has ${input.shape.length} dimensions`,
    );
  }
  const unknown: string[] = [];
  const shape = input.shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    const name = dimensionName(input, axis);
    const given =
      options.dimensions.get(name) ?? (axis === 0 || batchNames.has(name) ? options.batch : undefined);
    if (given === undefined) unknown.push(name);
    return given ?? 0;
  });
  if (unknown.length > 0) {
    const names = [...new Set(unknown)];
    throw new ImportError(
      'UNKNOWN_DIMENSION',
      `graph input '${input.name}' has symbolic dimensions: ${names.join(', ')}`,
      { hint: `give their sizes: ${names.map((name) => `--dim ${name}=N`).join(' ')}` },
    );
  }
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 1) {
      throw new ImportError('INVALID_SHAPE', `graph input '${input.name}' has a dimension of ${dim}`, {
        hint: 'an encrypted input needs elements; export the model with the true shapes',
      });
    }
  }
  if (sizeOf(shape) > MAX_ELEMENTS) {
    throw new ImportError(
      'TENSOR_TOO_LARGE',
      `graph input '${input.name}' of shape [${shape.join(', ')}] is too large`,
    );
  }
  return shape;
}

/** A misspelt name would leave a dimension at its default without a word. */
function requireKnownDimensions(document: ModelDocument, { dimensions }: InputOptions): void {
  const symbolic = new Set(
    document.inputs.flatMap((input) =>
      (input.shape ?? []).flatMap((dim, axis) =>
        typeof dim === 'number' ? [] : [dimensionName(input, axis)],
      ),
    ),
  );
  for (const name of dimensions.keys()) {
    if (symbolic.has(name)) continue;
    throw new ImportError('DIM_UNKNOWN', `no graph input has a symbolic dimension '${name}'`, {
      hint:
        symbolic.size === 0
          ? 'all dimensions of the model are fixed'
          : `the symbolic dimensions are ${[...symbolic].join(', ')}`,
    });
  }
}

/**
 * @throws ImportError UNKNOWN_SHAPE, UNKNOWN_DIMENSION, DIM_UNKNOWN, UNSUPPORTED_TYPE, BIND_UNKNOWN, BIND_SHAPE,
 *   NO_INPUTS …
 * @param constantsOnly accepts a model whose inputs are all bound
 */
export function readGraphInputs(
  document: ModelDocument,
  options: InputOptions,
  constantsOnly = false,
): GraphInputs {
  requireKnownDimensions(document, options);
  const constants = new Map(document.initializers);
  const names = new Set(document.inputs.map((input) => input.name));
  for (const name of options.bind.keys()) {
    if (names.has(name)) continue;
    throw new ImportError('BIND_UNKNOWN', `there is no graph input '${name}' to bind`, {
      hint: `the graph inputs are ${[...names].join(', ')}`,
    });
  }
  const encrypted = new Map<string, Shape>();
  const warnings: string[] = [];
  const free = document.inputs.filter(
    (input) => !document.initializers.has(input.name) && !options.bind.has(input.name),
  );
  const batchNames = new Set(
    free.flatMap((input) => (typeof input.shape?.[0] === 'string' ? [input.shape[0]] : [])),
  );
  for (const input of document.inputs) {
    const bound = options.bind.get(input.name);
    if (bound !== undefined) {
      const fits =
        input.shape === null ||
        (input.shape.length === bound.shape.length &&
          input.shape.every((dim, axis) => typeof dim !== 'number' || dim === bound.shape[axis]));
      if (!fits) {
        throw new ImportError(
          'BIND_SHAPE',
          `input '${input.name}' has shape [${input.shape?.join(', ')}], but the bound tensor [${bound.shape.join(', ')}]`,
        );
      }
      constants.set(input.name, bound);
    }
  }
  for (const input of free) {
    if (input.name === '') throw new ImportError('MODEL_MALFORMED', 'a graph input has no name');
    if (!isNumericType(input.elementType)) {
      throw new ImportError(
        'UNSUPPORTED_TYPE',
        `graph input '${input.name}' has element type ${input.elementType}, not a numeric tensor type`,
      );
    }
    encrypted.set(input.name, resolveShape(input, options, batchNames));
    if (!isFloatingType(input.elementType)) {
      warnings.push(
        `input '${input.name}' takes whole numbers: where the model scales pixels itself, compile with --pixel-scale 1`,
      );
    }
  }
  if (encrypted.size === 0 && !constantsOnly) {
    throw new ImportError('NO_INPUTS', 'the model has no input that could be encrypted', {
      hint: 'leave at least one graph input unbound',
    });
  }
  return { encrypted, constants, warnings };
}
