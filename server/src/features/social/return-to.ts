import type { Config } from '../../config/config.ts';
import { allowedReturnTo } from '../../lib/return-to.ts';

/** Where a browser goes afterwards: to a page of this server, or to an application's. */
export interface ReturnTo {
  readonly kind: 'own' | 'app';
  readonly url: string;
}

/** Whole, so that it can be told apart whose it is; null where it is not allowed (OCL-08, PAG-04). */
export function readReturnTo(
  text: string,
  { PUBLIC_URL, CORS_ORIGIN }: Pick<Config, 'PUBLIC_URL' | 'CORS_ORIGIN'>,
): ReturnTo | null {
  const allowed = allowedReturnTo(text, { publicUrl: PUBLIC_URL, origins: CORS_ORIGIN });
  if (allowed === null) return null;
  const { href, origin } = new URL(allowed, PUBLIC_URL);
  return { kind: origin === new URL(PUBLIC_URL).origin ? 'own' : 'app', url: href };
}

/** The address with more in its query; what is given replaces what stood there. */
export function withQuery(url: string, more: Readonly<Record<string, string>>): string {
  const parsed = new URL(url);
  for (const name of ['code', 'error', 'link_token', 'linked']) parsed.searchParams.delete(name);
  for (const [name, value] of Object.entries(more)) parsed.searchParams.set(name, value);
  return parsed.href;
}
