import { ProviderAway } from './failure.ts';

/** A fetch in the form in which openid-client calls it. */
export type Fetch = (
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: URLSearchParams | null },
) => Promise<Response>;

const LARGEST = 1024 * 1024;

/**
 * All calls of one conversation together take at most `ms`; each answer is read to its end here, up to 1 MB after
 * decompression, so that no other place waits for a slow body. No redirect is followed: it would carry secrets to
 * wherever it says, and its answer is not the provider's.
 */
export function limitedFetch(ms: number, onCall: () => void = () => undefined): Fetch {
  const signal = AbortSignal.timeout(ms);
  return async (url, options) => {
    onCall();
    try {
      const { method = 'GET', headers = {}, body = null } = options;
      const response = await fetch(url, { method, headers, body, redirect: 'manual', signal });
      if (response.status >= 500 || response.status === 429 || (response.status >= 300 && response.status < 400)) {
        await response.body?.cancel();
        throw new ProviderAway(`it answered ${response.status}`);
      }
      const bytes = await readAll(response);
      const { status, headers: answered } = response;
      return new Response(status === 204 ? null : bytes, {
        status,
        headers: { 'content-type': answered.get('content-type') ?? '', ...challengeOf(answered) },
      });
    } catch (error) {
      if (error instanceof ProviderAway) throw error;
      throw new ProviderAway(signal.aborted ? 'it did not answer in time' : `it cannot be reached (${codeOf(error)})`);
    }
  };
}

async function readAll(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > LARGEST) throw new ProviderAway('its answer is too large');
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function challengeOf(headers: Headers): Record<string, string> {
  const challenge = headers.get('www-authenticate');
  return challenge === null ? {} : { 'www-authenticate': challenge };
}

function codeOf(error: unknown): string {
  const code = ((error as Error)?.cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'no connection';
}
