import type { ResolveSecret, SecretAccess } from '../../config/references.ts';
import { fetchFromAws } from './aws.ts';
import { fetchFromAzure } from './azure.ts';
import { fetchFromGoogle } from './google.ts';
import { fetchFromVault } from './vault.ts';

type Fetch = (rest: string, access: SecretAccess, signal: AbortSignal) => Promise<string>;

const STORES: Readonly<Record<string, Fetch>> = {
  'aws-sm': (rest, access, signal) => fetchFromAws(rest, access.aws, signal),
  vault: (rest, access, signal) => fetchFromVault(rest, access.vault, signal),
  'gcp-sm': (rest, access, signal) => fetchFromGoogle(rest, access.gcp, signal),
  'azure-kv': (rest, access, signal) => fetchFromAzure(rest, access.azure, signal),
};

/** Resolves `kind://rest`. What it throws says what went wrong, and never repeats an answer: secrets are in there. */
export const resolveSecret: ResolveSecret = async (reference, access, signal) => {
  const [kind = '', rest = ''] = reference.split(/:\/\/(.*)/s);
  const fetchSecret = Object.hasOwn(STORES, kind) ? STORES[kind] : undefined;
  if (!fetchSecret) throw new Error('there is no such kind of secret store');
  return await fetchSecret(rest, access, signal);
};
