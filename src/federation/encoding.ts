/** One sequence of bytes for one list of fields, to be hashed or signed: each field with its kind and length, behind a label that no other use has. */
import { createHash } from 'node:crypto';

export type Field = string | number | Uint8Array;

const DOMAIN = 'he-compile federation 1';

/** Strings as UTF-8, numbers as ECMAScript writes them. Unambiguous: no two lists have the same bytes. */
export function encodeFields(label: string, fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [];
  for (const field of [DOMAIN, label, fields.length, ...fields]) {
    const [kind, bytes] =
      typeof field === 'string'
        ? [1, Buffer.from(field, 'utf8')]
        : typeof field === 'number'
          ? [2, Buffer.from(String(field), 'utf8')]
          : [3, Buffer.from(field)];
    const head = Buffer.alloc(5);
    head.writeUInt8(kind, 0);
    head.writeUInt32LE(bytes.length, 1);
    parts.push(head, bytes);
  }
  return Buffer.concat(parts);
}

/** SHA-256, hex. */
export function digestOf(label: string, fields: readonly Field[]): string {
  return createHash('sha256').update(encodeFields(label, fields)).digest('hex');
}
