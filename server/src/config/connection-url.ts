/** What a connection URL says; what it does not say is `undefined`, a gap that the parts may fill. */
export interface UrlParts {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  /** The path without its slash. */
  readonly path?: string;
  readonly query: URLSearchParams;
}

export function splitUrl(url: URL): UrlParts {
  const host = decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1')) || url.searchParams.get('host');
  const path = decodeURIComponent(url.pathname.replace(/^\//, ''));
  return {
    ...(host ? { host } : {}),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { user: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(path === '' ? {} : { path }),
    query: url.searchParams,
  };
}

/**
 * The URL wins over a part, and the part fills its gap. Where both speak and differ, a warning names both settings;
 * what they say stays untold, because it may be a password.
 */
export function reconcile<T extends string | number>(
  fromUrl: T | undefined,
  fromPart: T | null,
  names: { readonly url: string; readonly part: string },
  warn: (text: string) => void,
): T | null {
  if (fromUrl === undefined) return fromPart;
  if (fromPart !== null && fromPart !== fromUrl)
    warn(`${names.url} and ${names.part} contradict each other; ${names.url} wins`);
  return fromUrl;
}
