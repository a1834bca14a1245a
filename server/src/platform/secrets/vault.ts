import { getJson, textAt } from './http.ts';

interface VaultAccess {
  readonly address: string | null;
  readonly token: string | null;
  readonly namespace: string | null;
}

/** `mount/path#key` in the key-value store, version 2, of HashiCorp Vault or OpenBao. */
export async function fetchFromVault(rest: string, access: VaultAccess, signal: AbortSignal): Promise<string> {
  const match = /^([^/#]+)\/([^#]+)#(.+)$/.exec(rest);
  if (!match) throw new Error('it is not of the form vault://mount/path#key');
  if (access.address === null) throw new Error('VAULT_ADDR is not set');
  if (access.token === null) throw new Error('VAULT_TOKEN is not set');
  const [, mount = '', path = '', key = ''] = match;
  const headers = {
    'x-vault-token': access.token,
    'x-vault-request': 'true',
    ...(access.namespace === null ? {} : { 'x-vault-namespace': access.namespace }),
  };
  const answer = await getJson(
    'Vault',
    `${access.address}/v1/${encodePath(mount)}/data/${encodePath(path)}`,
    headers,
    signal,
  );
  return textAt('the secret in Vault', answer, 'data', 'data', key);
}

function encodePath(path: string): string {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new Error('its path has an empty part or dots');
  return parts.map(encodeURIComponent).join('/');
}
