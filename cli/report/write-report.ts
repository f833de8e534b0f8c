/** `--report FILE`: the extension chooses the form. */
import { extname } from 'node:path';
import { UsageError } from '../../src/errors.ts';
import { requireWritable, writeWhole } from '../terminal/write-file.ts';
import { renderBenchPage } from './bench-page.ts';
import type { BenchReport } from './bench-report.ts';
import { renderFederationPage } from './federation-page.ts';
import type { FederationReport } from './federation-report.ts';
import { federationText } from './federation-text.ts';
import { renderBenchMarkdown, renderProgramMarkdown } from './markdown.ts';
import { renderProgramPage } from './program-page.ts';
import type { ProgramReport } from './program-report.ts';
import type { SamplePictures } from './sections/samples.ts';

type Form = 'html' | 'markdown' | 'json';

/** @throws UsageError REPORT_FORMAT_UNKNOWN; ArtifactError OUTPUT_UNWRITABLE */
export async function requireReportFile(file: string): Promise<void> {
  formOf(file);
  await requireWritable(file);
}

export async function writeProgramReport(file: string, program: ProgramReport): Promise<void> {
  const form = formOf(file);
  await writeWhole(
    file,
    form === 'html'
      ? renderProgramPage(program)
      : form === 'markdown'
        ? renderProgramMarkdown(program)
        : json(program),
  );
}

/** @param pictures for the HTML page */
export async function writeBenchReport(
  file: string,
  report: BenchReport,
  pictures: SamplePictures,
): Promise<void> {
  const form = formOf(file);
  await writeWhole(
    file,
    form === 'html'
      ? renderBenchPage(report, pictures)
      : form === 'markdown'
        ? renderBenchMarkdown(report)
        : json(report),
  );
}

export async function writeFederationReport(file: string, report: FederationReport): Promise<void> {
  const form = formOf(file);
  await writeWhole(
    file,
    form === 'html'
      ? renderFederationPage(report)
      : form === 'markdown'
        ? `# A federation on drawn digits\n\n${federationText(report)}\n`
        : json(report),
  );
}

function formOf(file: string): Form {
  switch (extname(file).toLowerCase()) {
    case '.html':
      return 'html';
    case '.md':
      return 'markdown';
    case '.json':
      return 'json';
    default:
      throw new UsageError(
        'REPORT_FORMAT_UNKNOWN',
        `${file}: expected a report name that ends in .html, .md or .json`,
      );
  }
}

function json(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
