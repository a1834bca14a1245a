import { getJson, textAt } from './http.ts';

interface AzureAccess {
  readonly endpoint: string | null;
  readonly identityEndpoint: string;
  readonly clientId: string | null;
}

/** `vault-name/secret[/version]`, read as the managed identity of this machine. */
export async function fetchFromAzure(rest: string, access: AzureAccess, signal: AbortSignal): Promise<string> {
  const match = /^([a-z][a-z0-9-]{1,22}[a-z0-9])\/([a-z0-9-]{1,127})(\/[a-z0-9]{1,64})?$/i.exec(rest);
  if (!match) throw new Error('it is not of the form azure-kv://vault-name/secret');
  const [, vault = '', secret = '', version = ''] = match;
  const token = await fetchToken(access, signal);
  const url = `${access.endpoint ?? `https://${vault}.vault.azure.net`}/secrets/${secret}${version}?api-version=7.4`;
  return textAt(
    'Azure Key Vault',
    await getJson('Azure Key Vault', url, { authorization: `Bearer ${token}` }, signal),
    'value',
  );
}

async function fetchToken({ identityEndpoint, clientId }: AzureAccess, signal: AbortSignal): Promise<string> {
  const query = new URLSearchParams({
    'api-version': '2018-02-01',
    resource: 'https://vault.azure.net',
    ...(clientId === null ? {} : { client_id: clientId }),
  });
  const url = `${identityEndpoint}/metadata/identity/oauth2/token?${query}`;
  return textAt(
    "Azure's metadata service",
    await getJson("Azure's metadata service", url, { metadata: 'true' }, signal),
    'access_token',
  );
}
