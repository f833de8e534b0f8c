/** JSON Canonicalization Scheme (RFC 8785): one text for one value, so that it can be signed. */
import { ToolError } from './error-codes.ts';

/** Nested deeper than any request of ours, and shallow enough for the stack. */
const MAX_DEPTH = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Properties are ordered by UTF-16 code units (§3.2.3), numbers and strings are written as ECMAScript writes them (§3.2.2).
 * Absent (`undefined`) properties are left out, as JSON does.
 * @throws ToolError ERROR_INVALID_ARGUMENT for what I-JSON cannot hold: NaN, infinities, lone surrogates, too deep nesting
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw notCanonical('nested too deeply');
  switch (typeof value) {
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) throw notCanonical('holds a number that JSON has not');
      return JSON.stringify(value);
    case 'string':
      if (LONE_SURROGATE.test(value)) throw notCanonical('holds a lone surrogate');
      return JSON.stringify(value);
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((entry) => canonicalJson(entry, depth + 1)).join(',')}]`;
      // The default order of sort is by UTF-16 code units, which is what the RFC asks for.
      const names = Object.keys(value).sort();
      const fields: string[] = [];
      for (const name of names) {
        const entry = (value as Record<string, unknown>)[name];
        if (entry === undefined) continue;
        fields.push(`${canonicalJson(name, depth + 1)}:${canonicalJson(entry, depth + 1)}`);
      }
      return `{${fields.join(',')}}`;
    }
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
      throw notCanonical(`holds a ${typeof value}`);
  }
}

function notCanonical(reason: string): ToolError {
  return new ToolError('ERROR_INVALID_ARGUMENT', `the request has no canonical form: it ${reason}`);
}
