/** The frame of every HTML report: one file, no scripts, nothing loaded from anywhere. */
import type { Markup, Renderable } from './markup.ts';
import { html } from './markup.ts';
import { STYLE } from './style.ts';

export interface Badge {
  readonly text: string;
  readonly tone: 'neutral' | 'good' | 'warn';
}

export interface Page {
  readonly title: string;
  readonly kicker: string;
  /** The result in a sentence or two. */
  readonly lead: Renderable;
  readonly badges: readonly Badge[];
  readonly tiles: readonly Tile[];
  readonly sections: readonly (Markup | null)[];
  readonly footer: string;
}

export interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

export function renderPage(page: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <title>${page.title} – ${page.kicker}</title>
        <style>
          ${{ markup: STYLE }}
        </style>
      </head>
      <body>
        <main>
          <header>
            <p class="kicker">${page.kicker}</p>
            <h1>${page.title}</h1>
            <p class="lead">${page.lead}</p>
            <ul class="badges">
              ${page.badges.map((badge) => html`<li class="badge ${badge.tone}">${badge.text}</li>`)}
            </ul>
            <div class="tiles">${page.tiles.map(renderTile)}</div>
          </header>
          ${page.sections}
          <footer>${page.footer}</footer>
        </main>
      </body>
    </html> `.markup;
}

function renderTile({ name, value, note }: Tile): Markup {
  return html`<div class="tile">
    <div class="name">${name}</div>
    <div class="value">${value}</div>
    <div class="note">${note}</div>
  </div>`;
}

/** A section with a heading and a sentence that says what it shows. */
export function section(title: string, about: Renderable, content: Renderable, className = ''): Markup {
  return html`<section class="${className}">
    <h2>${title}</h2>
    <p class="about">${about}</p>
    ${content}
  </section>`;
}

export function facts(entries: readonly (readonly [string, Renderable])[]): Markup {
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

/** A horizontal bar; `share` of its full length in 0 … 1. */
export function bar(share: number, tone: '' | 'measured' | 'risk' = ''): Markup {
  const percent = Math.min(Math.max(share, 0), 1) * 100;
  return html`<div class="bar ${tone}"><i style="width:${percent.toFixed(1)}%"></i></div>`;
}
