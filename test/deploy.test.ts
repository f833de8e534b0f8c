/** What `deploy/` says is what orchestrators take and what this version has: kinds, options, variables, metrics, files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Namespace, Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const KUBERNETES = readdirSync(join(ROOT, 'deploy/kubernetes')).map((name) => `deploy/kubernetes/${name}`);
const COMPOSE = 'deploy/compose/compose.yaml';

const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'v1 Namespace': Namespace,
  'v1 ConfigMap': ConfigMap,
  'v1 Service': Service,
  'apps/v1 Deployment': Deployment,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'keda.sh/v1alpha1 ScaledObject': ScaledObject,
};

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const manifests = KUBERNETES.flatMap((file) =>
  parseAllDocuments(read(file)).map((document): [string, Manifest] => {
    const manifest = document.toJS() as Manifest;
    return [`${file}: ${manifest.kind} ${manifest.metadata.name}`, manifest];
  }),
);

describe('Kubernetes', () => {
  it.each(manifests)('takes %s', (_name, manifest) => {
    const Kind = KINDS[`${manifest.apiVersion} ${manifest.kind}`];
    expect(Kind).toBeDefined();
    new Kind!(manifest as never).validate();
  });

  it('would not take one with a field that it does not know', () => {
    const [, service] = manifests.find(([name]) => name.includes('Service he-compile'))!;
    expect(() => new Service({ ...service, spec: { ports: [{ port: 'x' }] } } as never).validate()).toThrow();
  });

  it('runs nothing as root, and nothing that may become it', () => {
    for (const [, manifest] of manifests.filter(([, { kind }]) => kind === 'Deployment')) {
      const { template } = (manifest as unknown as { spec: { template: { spec: Record<string, unknown> } } })
        .spec;
      expect(template.spec).toMatchObject({
        securityContext: { runAsNonRoot: true },
        containers: [
          {
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
      });
    }
  });
});

const service = z.looseObject({
  image: z.string(),
  secrets: z.array(z.string()).optional(),
  networks: z.array(z.string()).optional(),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).optional(),
  deploy: z.strictObject({ replicas: z.int().positive() }).optional(),
});
const compose = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  'x-hardened': z.unknown(),
  'x-stores': z.unknown(),
});

describe('Compose', () => {
  const { services, secrets, networks } = compose.parse(parse(read(COMPOSE), { merge: true }));

  it('has two front ends, two workers, a database and an object store', () => {
    expect(Object.keys(services).sort()).toEqual(['balancer', 'front', 'object-store', 'postgres', 'worker']);
    expect([services['front']?.deploy?.replicas, services['worker']?.deploy?.replicas]).toEqual([2, 2]);
  });

  it('names nothing that it does not define, and makes every secret', () => {
    const prepare = read('deploy/compose/prepare.sh');
    for (const one of Object.values(services)) {
      for (const secret of one.secrets ?? []) expect(Object.keys(secrets)).toContain(secret);
      for (const network of one.networks ?? []) expect(Object.keys(networks)).toContain(network);
      const others = Array.isArray(one.depends_on) ? one.depends_on : Object.keys(one.depends_on ?? {});
      for (const other of others) expect(Object.keys(services)).toContain(other);
    }
    for (const { file } of Object.values(secrets)) expect(prepare).toContain(file.replace('./secrets/', ''));
  });
});

describe('what is named in deploy/', () => {
  const texts = [...KUBERNETES, COMPOSE].map(read);

  it('are options of the commands', () => {
    for (const command of ['serve', 'work']) {
      const help = execFileSync(process.execPath, [join(ROOT, 'bin/he-compile.js'), command, '--help'], {
        encoding: 'utf8',
      });
      const known = new Set(help.match(/--[a-z][a-z-]*/g));
      const words = texts.flatMap((text) => commandLines(text, command));
      expect(words.length).toBeGreaterThan(0);
      for (const line of words)
        for (const option of line.match(/--[a-z][a-z-]*/g) ?? []) expect([...known]).toContain(option);
    }
  });

  it('are variables that are read', () => {
    const sources = sourceText();
    const names = new Set(texts.flatMap((text) => text.match(/HE_COMPILE_[A-Z0-9_]+/g) ?? []));
    expect([...names].filter((name) => !sources.includes(name))).toEqual([]);
  });

  it('are metrics that are kept', () => {
    const queries = [read('deploy/grafana-dashboard.json'), ...texts];
    const sources = sourceText();
    const names = new Set(queries.flatMap((text) => text.match(/he_compile_[a-z_]+/g) ?? []));
    expect(names.size).toBeGreaterThan(10);
    for (const name of names)
      expect(sources, name).toMatch(new RegExp(`\\b${name.replace('he_compile_', '')}\\b`));
  });

  it('are files that the image has', () => {
    const dockerfile = read('deploy/Dockerfile');
    expect(dockerfile.match(/^USER (.*)$/m)?.[1]).toBe('node');
    for (const [, files = ''] of dockerfile.matchAll(/^COPY (?!--from)([^\n]+) \S+$/gm))
      for (const file of files.split(' ').filter((name) => !name.includes('*')))
        expect(existsSync(join(ROOT, file)), file).toBe(true);
  });
});

/** Those of this command, with the options in them. */
function commandLines(text: string, command: string): string[] {
  return parseAllDocuments(text, { merge: true }).flatMap((document) => {
    const lists: string[] = [];
    const visit = (value: unknown): void => {
      if (Array.isArray(value) && value.every((each) => typeof each === 'string'))
        lists.push(value.join(' '));
      else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
    };
    visit(document.toJS());
    return lists.filter((line) => new RegExp(`(^| )${command} `).test(line) && line.includes('--'));
  });
}

function sourceText(): string {
  const files = readdirSync(join(ROOT, 'src/server'), { recursive: true, encoding: 'utf8' });
  const cli = readdirSync(join(ROOT, 'cli'), { recursive: true, encoding: 'utf8' });
  return [...files.map((file) => `src/server/${file}`), ...cli.map((file) => `cli/${file}`)]
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map(read)
    .join('\n');
}
