import { cpus, release, totalmem, type } from 'node:os';
import type { Stores } from './stores.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly kernel: string;
  readonly node: string;
  readonly postgres: string;
  readonly redis: string;
}

/** What the figures were taken on: without that they say nothing. */
export function describeMachine({ versions }: Stores): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release().split('-')[0]}`,
    node: process.versions.node,
    ...versions,
  };
}
