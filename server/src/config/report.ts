/** One thing that is wrong with the settings. No text in it ever holds the value of a secret. */
export interface Fault {
  readonly name: string;
  readonly problem: string;
  readonly expected: string;
}

/** Everything that is wrong at once, so that an operator mends it in one go. The command line prints it and exits 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const lines = faults.map((fault) => `  ${fault.name} ${fault.problem}. Expected: ${fault.expected}.`);
    super(
      `The configuration has ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}:\n${lines.join('\n')}`,
    );
    this.faults = faults;
  }
}

/** Where the parts of the reading put what they find. */
export interface Report {
  /** `expected` may be left out for a setting of the table: its own text is used. */
  fault(name: string, problem: string, expected?: string): void;
  warn(text: string): void;
  /** Whether a fault names one of these settings, or its file, already: what follows from it need not be told too. */
  blames(...names: readonly string[]): boolean;
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
}

export function createReport(expectedOf: (name: string) => string): Report {
  const faults: Fault[] = [];
  const warnings: string[] = [];
  return {
    faults,
    warnings,
    fault(name, problem, expected = expectedOf(name)) {
      faults.push({ name, problem, expected });
    },
    warn(text) {
      warnings.push(text);
    },
    blames(...names) {
      return faults.some(({ name }) => names.includes(name) || names.includes(name.replace(/_FILE$/, '')));
    },
  };
}

/**
 * A plain value as a fault shows it: quoted, so that control characters cannot write lines of their own, and short.
 * A URL with a user part is not shown at all: passwords stand there.
 */
export function shown(value: string): string {
  if (/:\/\/[^/]*@/.test(value)) return 'a URL with a user or a password in it';
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}
