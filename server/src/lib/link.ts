/** A link for a mail: always of the configured base, the token in the fragment, where no server or log sees it. */
export function mailLink(base: string, path: string, token: string): string {
  return `${base}${path}#token=${encodeURIComponent(token)}`;
}
