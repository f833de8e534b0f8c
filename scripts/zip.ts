/** Writes ZIP archives (PKWARE APPNOTE 6.3.10), the same bytes for the same files: no dates, no owners. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  /** With forward slashes. */
  readonly name: string;
  readonly content: Uint8Array;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const UTF8_NAMES = 1 << 11;
const STORED = 0;
const DEFLATED = 8;
/** 1980-01-01, the earliest date of the format. */
const DATE = 0x21;
const REGULAR_FILE = 0o100644 << 16;
const MADE_BY_UNIX = (3 << 8) | VERSION;
const MAX_ENTRIES = 0xffff;

/** Entries are sorted by name. @throws RangeError for more entries than the format without its 64-bit extension holds */
export function zip(entries: readonly ZipEntry[]): Buffer {
  if (entries.length > MAX_ENTRIES) throw new RangeError(`${entries.length} files in one archive`);
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const deflated = deflateRawSync(content, { level: 9 });
    const smaller = deflated.length < content.length;
    const data = smaller ? deflated : Buffer.from(content);
    const path = Buffer.from(name, 'utf8');
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(VERSION, 0);
    facts.writeUInt16LE(UTF8_NAMES, 2);
    facts.writeUInt16LE(smaller ? DEFLATED : STORED, 4);
    facts.writeUInt16LE(DATE, 8);
    facts.writeUInt32LE(crc32(content), 10);
    facts.writeUInt32LE(data.length, 14);
    facts.writeUInt32LE(content.length, 18);
    facts.writeUInt16LE(path.length, 22);
    bodies.push(word(LOCAL_HEADER), facts, path, data);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(REGULAR_FILE >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const madeBy = Buffer.alloc(2);
    madeBy.writeUInt16LE(MADE_BY_UNIX);
    directory.push(word(CENTRAL_HEADER), madeBy, facts, tail, path);
    offset += 4 + facts.length + path.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(size, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...bodies, ...directory, word(END), end]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
