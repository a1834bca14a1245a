import { getJson, textAt } from './http.ts';

interface GoogleAccess {
  readonly endpoint: string;
  readonly metadataHost: string;
}

const TOKEN_PATH = '/computeMetadata/v1/instance/service-accounts/default/token';

/** `projects/p/secrets/s[/versions/v]`, read as the service account of this machine. */
export async function fetchFromGoogle(rest: string, access: GoogleAccess, signal: AbortSignal): Promise<string> {
  const match = /^(projects\/[\w.:-]+\/secrets\/[\w-]+)(\/versions\/(?:latest|\d+|[\w-]+))?$/.exec(rest);
  if (!match) throw new Error('it is not of the form gcp-sm://projects/p/secrets/s/versions/v');
  const url = `http://${access.metadataHost}${TOKEN_PATH}`;
  const token = textAt(
    "Google's metadata server",
    await getJson("Google's metadata server", url, { 'metadata-flavor': 'Google' }, signal),
    'access_token',
  );
  const resource = `${match[1]}${match[2] ?? '/versions/latest'}`;
  const answer = await getJson(
    'Google Secret Manager',
    `${access.endpoint}/v1/${resource}:access`,
    { authorization: `Bearer ${token}` },
    signal,
  );
  return Buffer.from(textAt('Google Secret Manager', answer, 'payload', 'data'), 'base64').toString('utf8');
}
