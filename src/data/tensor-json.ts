/** Inputs as JSON: nested arrays of numbers, or `{ "shape": [...], "data": [...] }`. */
import { ArtifactError } from '../errors.ts';
import type { DataTensor } from './data-tensor.ts';
import { checkedElementCount, formatShape, requireFinite } from './data-tensor.ts';

/**
 * @param where file name, for messages
 * @throws ArtifactError JSON_DAMAGED or DATA_NOT_FINITE
 */
export function parseTensorJson(bytes: Uint8Array, where: string): DataTensor {
  const document = parse(bytes, where);
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  const data = isObject && 'data' in document ? document.data : document;
  const tensor = flatten(data, where);
  requireFinite(tensor.values, where);
  if (!isObject || !('shape' in document)) return tensor;
  const { shape } = document;
  if (!Array.isArray(shape) || !shape.every((extent) => typeof extent === 'number')) {
    throw damaged(where, '"shape" must be an array of numbers');
  }
  const count = checkedElementCount(shape, 'JSON_DAMAGED', where);
  if (count !== tensor.values.length) {
    throw damaged(
      where,
      `expected ${count} numbers for shape ${formatShape(shape)}, found ${tensor.values.length}`,
    );
  }
  return { ...tensor, shape };
}

function parse(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ArtifactError('JSON_DAMAGED', `${where} is not valid JSON`, {
      hint: 'expected nested arrays of numbers, or {"shape": […], "data": […]}',
      cause: error,
    });
  }
}

function flatten(data: unknown, where: string): DataTensor {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  if (shape.length === 0) throw damaged(where, 'expected nested arrays of numbers');
  const values = new Float64Array(checkedElementCount(shape, 'JSON_DAMAGED', where));
  let next = 0;
  const visit = (node: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof node !== 'number') throw damaged(where, `element ${next} is not a number`);
      values[next++] = node;
      return;
    }
    if (!Array.isArray(node) || node.length !== shape[depth])
      throw damaged(where, 'the nested arrays are ragged');
    for (const child of node) visit(child, depth + 1);
  };
  visit(data, 0);
  return { shape, type: 'float', values };
}

function damaged(where: string, what: string): ArtifactError {
  return new ArtifactError('JSON_DAMAGED', `${where}: ${what}`, {
    hint: 'expected nested arrays of numbers, or {"shape": […], "data": […]}',
  });
}
