/** The models as documents: what describe_model tells of each, and its signature. */
import type { DocumentLibrary } from '../transport/documents.ts';
import { ASK_PRIVATELY } from '../protocol/ask-privately.ts';
import { encodeSignature } from '../protocol/signature-document.ts';
import type { InferenceServices } from './services.ts';
import type { ServedModel } from './model-catalog.ts';
import { describe } from './tools/describe-model.ts';

const SCHEME = 'he-compile://models/';

interface Kind {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  document(model: ServedModel, services: InferenceServices): object;
}

const KINDS: readonly Kind[] = [
  {
    name: 'description',
    title: 'Description',
    description: 'Scheme, parameters, packing, sizes and limits, as describe_model tells them',
    document: describe,
  },
  {
    name: 'signature',
    title: 'Signature',
    description: 'What the local server makes keys, encrypts and decrypts by',
    document: ({ artifact }) => encodeSignature(artifact.signature),
  },
];

const MIME_TYPE = 'application/json';

export function modelDocuments(services: InferenceServices): DocumentLibrary {
  const { catalog } = services;
  const uriOf = (model: string, kind: string): string => `${SCHEME}${encodeURIComponent(model)}/${kind}`;
  return {
    templates: KINDS.map(({ name, title, description }) => ({
      uriTemplate: `${SCHEME}{model}/${name}`,
      name: `model-${name}`,
      title: `${title} of a model`,
      description,
      mimeType: MIME_TYPE,
    })),
    prompts: [ASK_PRIVATELY],
    list: () =>
      catalog.all.flatMap(({ id }) =>
        KINDS.map(({ name, title, description }) => ({
          uri: uriOf(id, name),
          name: `${id}/${name}`,
          title: `${title} of ${id}`,
          description,
          mimeType: MIME_TYPE,
        })),
      ),
    read(uri) {
      for (const model of catalog.all)
        for (const kind of KINDS)
          if (uriOf(model.id, kind.name) === uri)
            return { uri, mimeType: MIME_TYPE, text: JSON.stringify(kind.document(model, services)) };
      return null;
    },
    valuesOf: (argument) => (argument === 'model' ? catalog.all.map(({ id }) => id) : []),
  };
}
