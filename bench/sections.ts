import type { Section } from './section.ts';

/** In the order in which they run and are told. */
export const SECTIONS: Readonly<Record<string, () => Promise<Section>>> = {
  paths: async () => (await import('./sections/paths.ts')).paths,
  hash: async () => (await import('./sections/hash.ts')).hash,
  loop: async () => (await import('./sections/loop.ts')).loop,
  start: async () => (await import('./sections/start.ts')).start,
  memory: async () => (await import('./sections/memory.ts')).memory,
  growth: async () => (await import('./sections/growth.ts')).growth,
  processes: async () => (await import('./sections/processes.ts')).processes,
};
