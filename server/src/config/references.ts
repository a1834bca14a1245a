import type { Report } from './report.ts';
import { type Name, table, type Values } from './table.ts';

/** What the secret stores are reached with. Everything but the endpoints may be absent: then the store's own rules hold. */
export interface SecretAccess {
  readonly aws: {
    readonly region: string | null;
    readonly endpoint: string | null;
    readonly accessKeyId: string | null;
    readonly secretAccessKey: string | null;
    readonly sessionToken: string | null;
  };
  readonly vault: { readonly address: string | null; readonly token: string | null; readonly namespace: string | null };
  readonly gcp: { readonly endpoint: string; readonly metadataHost: string };
  readonly azure: {
    readonly endpoint: string | null;
    readonly identityEndpoint: string;
    readonly clientId: string | null;
  };
}

/**
 * Fetches what a reference stands for. What it throws is shown to the operator: it may say what the store answered,
 * never what the secret is.
 */
export type ResolveSecret = (reference: string, access: SecretAccess, signal: AbortSignal) => Promise<string>;

const KINDS = ['aws-sm', 'vault', 'gcp-sm', 'azure-kv'];
const EXPECTED = `a value, or a reference that can be resolved (${KINDS.map((kind) => `${kind}://…`).join(', ')})`;

/** The stores' own settings cannot come from a store. */
const HELD_BACK: ReadonlySet<string> = new Set([
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'VAULT_TOKEN',
]);

export function accessOf(values: Values): SecretAccess {
  return {
    aws: {
      region: values.AWS_REGION,
      endpoint: values.AWS_SECRETS_ENDPOINT,
      accessKeyId: values.AWS_ACCESS_KEY_ID,
      secretAccessKey: values.AWS_SECRET_ACCESS_KEY,
      sessionToken: values.AWS_SESSION_TOKEN,
    },
    vault: { address: values.VAULT_ADDR, token: values.VAULT_TOKEN, namespace: values.VAULT_NAMESPACE },
    gcp: { endpoint: values.GCP_SM_ENDPOINT, metadataHost: values.GCE_METADATA_HOST },
    azure: {
      endpoint: values.AZURE_KV_ENDPOINT,
      identityEndpoint: values.AZURE_IMDS_ENDPOINT,
      clientId: values.AZURE_CLIENT_ID,
    },
  };
}

/** Puts what the references stand for in their place; what cannot be resolved is a fault and is taken out. */
export async function resolveReferences(
  texts: Map<Name, string>,
  access: SecretAccess,
  resolveSecret: ResolveSecret,
  limit: number,
  report: Report,
): Promise<void> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), limit);
  try {
    await Promise.all(
      referencing(texts, report).map(async ([name, parts]) => {
        const resolved = await Promise.all(parts.map((part) => resolveOne(name, part)));
        if (resolved.every((part) => part !== null)) texts.set(name, resolved.join(','));
        else texts.delete(name);
      }),
    );
  } finally {
    clearTimeout(timer);
  }

  async function resolveOne(name: Name, part: string): Promise<string | null> {
    const kind = kindOf(part);
    if (kind === null) return part;
    const answer = await settle(resolveSecret(part.trim(), access, abort.signal), abort.signal, limit);
    if ('text' in answer && answer.text.trim() !== '') return answer.text.replace(/[\r\n]+$/, '');
    report.fault(
      name,
      `is a ${kind}:// reference that cannot be resolved: ${'text' in answer ? 'the secret is empty' : answer.reason}`,
      EXPECTED,
    );
    return null;
  }
}

function referencing(texts: ReadonlyMap<Name, string>, report: Report): [Name, string[]][] {
  const found: [Name, string[]][] = [];
  for (const [name, text] of texts) {
    const { isSecret, isList } = table[name];
    if (!isSecret || HELD_BACK.has(name)) continue;
    const parts = isList ? text.split(',') : [text];
    if (parts.some((part) => kindOf(part) !== null)) found.push([name, parts]);
    else if (isList && parts.some((part) => /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(part))) {
      report.fault(name, 'looks like a reference of an unknown kind', EXPECTED);
    }
  }
  return found;
}

function kindOf(part: string): string | null {
  const kind = /^\s*([a-z-]+):\/\//.exec(part)?.[1] ?? '';
  return KINDS.includes(kind) ? kind : null;
}

/** A resolver that does not heed the signal must not hold the start up either. */
async function settle(
  work: Promise<string>,
  signal: AbortSignal,
  limit: number,
): Promise<{ text: string } | { reason: string }> {
  const { promise: timeout, resolve } = Promise.withResolvers<{ reason: string }>();
  const onAbort = (): void => resolve({ reason: `no answer within ${limit / 1000} s` });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const answer = work.then(
    (text) => ({ text }),
    (error: unknown) => ({
      reason: signal.aborted
        ? `no answer within ${limit / 1000} s`
        : error instanceof Error
          ? error.message
          : 'unknown error',
    }),
  );
  const result = await Promise.race([answer, timeout]);
  signal.removeEventListener('abort', onAbort);
  return result;
}
