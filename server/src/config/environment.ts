import type { Environment } from './sources.ts';

/** The environment of this process, for the one who loads the configuration from it. */
export const environment: Environment = process.env;
