/** Writes the tables of docs/protocol.md and docs/protocol-vectors.json. Run with: node scripts/generate-protocol-docs.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { protocolMarkdown, protocolVectors } from './protocol-document.ts';

const DOCUMENT = new URL('../docs/protocol.md', import.meta.url);
const VECTORS = new URL('../docs/protocol-vectors.json', import.meta.url);

const text = protocolMarkdown(readFileSync(DOCUMENT, 'utf8'));
writeFileSync(DOCUMENT, await format(text, { parser: 'markdown', printWidth: 140 }));
writeFileSync(VECTORS, await format(JSON.stringify(protocolVectors()), { parser: 'json', printWidth: 110 }));
