/** Writes docs/errors.md. Run with: node scripts/generate-error-docs.ts */
import { writeFileSync } from 'node:fs';
import { errorsMarkdown } from './error-codes.ts';

writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsMarkdown());
