/** Writes SUPPORTED-OPS.md. Run with: node scripts/generate-supported-ops.ts */
import { writeFileSync } from 'node:fs';
import { supportedOperatorsMarkdown } from '../src/compiler/onnx/supported-ops.ts';

writeFileSync(new URL('../SUPPORTED-OPS.md', import.meta.url), supportedOperatorsMarkdown());
