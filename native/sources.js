#!/usr/bin/env node
// Finds the C++ sources by folder and name, so that no list must be kept: a file called *-avx2.cpp is compiled for AVX2,
// and what runs on every processor of the architecture has no such ending. Read by binding.gyp and tests/Makefile.
//   node sources.js files <portable|avx2|avx512|ifma|neon> <folder[/prefix]>...
//   node sources.js flags <avx2|avx512|ifma|neon>
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const AVX2 = ['-mavx2', '-mfma', '-mbmi2'];
const AVX512 = [...AVX2, '-mavx512f', '-mavx512dq', '-mavx512bw', '-mavx512vl'];
const PATHS = {
  avx2: { architecture: 'x64', flags: AVX2 },
  avx512: { architecture: 'x64', flags: AVX512 },
  ifma: { architecture: 'x64', flags: [...AVX512, '-mavx512ifma'] },
  neon: { architecture: 'arm64', flags: [] },
};
const root = dirname(fileURLToPath(import.meta.url));

const [request, path, ...folders] = process.argv.slice(2);
if (request === 'flags') console.log(PATHS[path].flags.join(' '));
else for (const folder of folders) for (const file of sources(path, folder)) console.log(file);

function sources(path, place) {
  if (path !== 'portable' && PATHS[path].architecture !== process.arch) return [];
  const [folder, prefix = ''] = place.split('/');
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.cpp') && name.startsWith(prefix) && pathOf(name) === path)
    .sort()
    .map((name) => `${folder}/${name}`);
}

function pathOf(name) {
  return Object.keys(PATHS).find((path) => new RegExp(`[-_]${path}\\.cpp$`).test(name)) ?? 'portable';
}
