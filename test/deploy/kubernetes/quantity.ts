const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** `250m`, `512Mi`: NaN for what is none. */
export function quantity(text: string | number): number {
  const match = /^(\d+(?:\.\d+)?)(m|[kMG]|[KMG]i)?$/.exec(String(text));
  return match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN) : Number.NaN;
}
