/** The local server has no documents of its own: only the prompt that says how it is asked. */
import { ASK_PRIVATELY } from '../protocol/ask-privately.ts';
import type { DocumentLibrary } from '../transport/documents.ts';
import type { CryptoServices } from './services.ts';

export function localPrompts({ servers }: CryptoServices): DocumentLibrary {
  return {
    templates: [],
    prompts: [ASK_PRIVATELY],
    list: () => [],
    read: () => null,
    valuesOf: (argument) => (argument === 'server' ? [...servers.keys()] : []),
  };
}
