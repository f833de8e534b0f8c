/** Writes the tables of docs/federation.md. Run with: node scripts/generate-federation-docs.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { federationMarkdown } from './federation-document.ts';

const file = new URL('../docs/federation.md', import.meta.url);
writeFileSync(file, federationMarkdown(readFileSync(file, 'utf8')));
