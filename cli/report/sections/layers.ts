/** The compiled program as a flow of layers, with what each costs. */
import { layOutRail } from '../charts/rail.ts';
import type { OperationCounts } from '../../../src/program/artifact.ts';
import { formatCount, formatMs, formatShape, formatSignificant, plural } from '../format.ts';
import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';
import { bar, section } from '../page.ts';
import type { LayerView, ProgramReport } from '../program-report.ts';

/** @param measuredMs per layer, where a benchmark has measured them */
export function layersSection(program: ProgramReport, measuredMs: readonly (number | null)[] | null): Markup {
  const { layers } = program;
  const rail = layOutRail(layers.map((layer) => layer.sources));
  const slowest = Math.max(
    ...layers.map((layer) => layer.predictedMs),
    ...(measuredMs ?? []).map((ms) => ms ?? 0),
    1e-9,
  );
  const hasMeasurement = measuredMs?.some((ms) => ms !== null) ?? false;
  const rows = layers.map((layer, index) =>
    layerRow(
      layer,
      rail.row(index, layer.kind),
      slowest,
      hasMeasurement ? (measuredMs?.[index] ?? null) : null,
    ),
  );
  return section(
    'Layers',
    `Every packed tensor of the program, in order. Lines show which value flows where; a level is one rescale that is still possible. Errors are the predicted standard deviations of the CKKS noise per slot.`,
    html`${legend(layers, hasMeasurement)}
      <div class="flow" style="--rail:${rail.width}px">
        <div class="row head">
          <span></span><span>layer</span><span class="wide">layout</span><span class="wide">level, scale</span
          ><span class="wide">operations</span><span class="wide">error</span><span>time</span>
        </div>
        ${rows}
      </div>`,
  );
}

function legend(layers: readonly LayerView[], hasMeasurement: boolean): Markup {
  const kinds = [
    'input',
    'linear',
    'polynomial',
    'product',
    ...(layers.some(({ kind }) => kind === 'refresh') ? ['refresh'] : []),
  ];
  return html`<div class="legend">
    ${kinds.map((kind) => html`<span><i style="background:var(--${kind});border-radius:50%"></i>${kind}</span>`)}
    <span><i></i>predicted time</span>
    ${hasMeasurement ? html`<span><i style="background:var(--good)"></i>measured time</span>` : null}
  </div>`;
}

function layerRow(layer: LayerView, rail: Markup, slowest: number, measuredMs: number | null): Markup {
  const { operations } = layer;
  const multiplications = operations.multiplyPlain + operations.multiply;
  return html`<div class="row">
    ${rail}
    <div title="${layer.layer}">
      <div class="name">${layer.layer}</div>
      <div class="sub">
        <span class="kind ${layer.kind}">${layer.kind}</span> · ${formatShape(layer.shape)}
      </div>
    </div>
    <div class="wide" title="${layer.layout}">
      <div class="sub">${layer.layout}</div>
      <div class="sub">${plural(layer.ciphertexts, 'ciphertext')}</div>
    </div>
    <div class="wide">
      <div>level ${layer.level}</div>
      <div class="sub">scale 2^${formatSignificant(layer.scaleBits, 4)}</div>
    </div>
    <div class="wide">
      <div>${layerOperations(operations)}</div>
      <div class="sub">${formatCount(multiplications)} mult.</div>
    </div>
    <div class="wide">
      <div>${formatSignificant(layer.predictedError, 2)}</div>
      <div class="sub">of ±${formatSignificant(layer.bound, 3)}</div>
    </div>
    <div>
      ${layer.kind === 'input' ? null : timeBar(layer.predictedMs, slowest, '')}
      ${measuredMs === null ? null : timeBar(measuredMs, slowest, 'measured')}
    </div>
  </div>`;
}

function timeBar(ms: number, slowest: number, tone: '' | 'measured'): Markup {
  return html`<div class="time">
    ${bar(ms / slowest, tone)}<span class="${tone === '' ? 'muted' : ''}">${formatMs(ms)}</span>
  </div>`;
}

function layerOperations({ rotate, refresh }: OperationCounts): string {
  return refresh === undefined ? plural(rotate, 'rotation') : plural(refresh, 'refresh', 'refreshes');
}
