import { createHash } from 'node:crypto';

const limit = 1_500;
const largestAnswer = 1_000_000;

/**
 * Asks Have I Been Pwned for the passwords whose SHA-1 begins with the same five digits: one of about a million prefixes
 * is all that leaves the server, and padding hides the size of the answer. Throws when no answer comes in time; the
 * caller goes on without one, because choosing a password must not depend on somebody else's server.
 */
export async function isBreached(password: string, endpoint: string, request: typeof fetch): Promise<boolean> {
  const digest = createHash('sha1').update(password).digest('hex').toUpperCase();
  const response = await request(`${endpoint}/${digest.slice(0, 5)}`, {
    headers: { 'Add-Padding': 'true', 'User-Agent': 'auth-api' },
    redirect: 'error',
    signal: AbortSignal.timeout(limit),
  });
  if (!response.ok || response.body === null) throw new Error(`the breach check answered ${response.status}`);
  return (await readLimited(response.body)).split('\n').some((line) => {
    const [suffix, count] = line.trim().split(':');
    // Padding lines have a count of 0.
    return suffix === digest.slice(5) && Number(count) > 0;
  });
}

async function readLimited(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > largestAnswer) throw new Error('the answer of the breach check is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('latin1');
}
