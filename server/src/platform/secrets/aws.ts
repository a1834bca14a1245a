import { textAt } from './http.ts';

interface AwsAccess {
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly accessKeyId: string | null;
  readonly secretAccessKey: string | null;
  readonly sessionToken: string | null;
}

/** `name` or `name#jsonKey` in AWS Secrets Manager. The client is loaded only when a reference asks for it. */
export async function fetchFromAws(rest: string, access: AwsAccess, signal: AbortSignal): Promise<string> {
  const [name = '', key] = rest.split(/#(.*)/s);
  if (name === '') throw new Error('it is not of the form aws-sm://name#jsonKey');
  if (access.region === null) throw new Error('AWS_REGION is not set');
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const { accessKeyId, secretAccessKey, sessionToken } = access;
  const client = new SecretsManagerClient({
    region: access.region,
    maxAttempts: 2,
    ...(access.endpoint === null ? {} : { endpoint: access.endpoint }),
    ...(accessKeyId === null || secretAccessKey === null
      ? {}
      : { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) } }),
  });
  const text = await client
    .send(new GetSecretValueCommand({ SecretId: name }), { abortSignal: signal })
    .then((answer) => answer.SecretString ?? Buffer.from(answer.SecretBinary ?? []).toString('utf8'))
    .catch((error: unknown) => {
      throw new Error(`AWS Secrets Manager did not give it (${codeOf(error)})`);
    })
    .finally(() => client.destroy());
  return key === undefined ? text : textAt('the secret in AWS Secrets Manager', parse(text), key);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the secret is not JSON, but the reference names a key in it');
  }
}

/** The name or code of an error of the client; its text may repeat what was sent. */
function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
