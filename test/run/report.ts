export interface Failure {
  readonly name: string;
  readonly text: string;
}

/** What one test file on one engine, or one check, came to. */
export interface Result {
  readonly title: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly seconds: number;
  /** What it printed; shown only where something failed. */
  readonly output?: string;
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Counts, prints a line per result, and repeats at the end what failed. */
export class Tally {
  #passed = 0;
  readonly #failed: string[] = [];
  readonly #started = performance.now();

  get isGood(): boolean {
    return this.#failed.length === 0 && this.#passed > 0;
  }

  add({ title, passed, failures, seconds, output }: Result): void {
    this.#passed += passed;
    const counts = failures.length > 0 ? `${passed} passed, ${failures.length} FAILED` : `${passed} passed`;
    say(`${failures.length > 0 ? '✗' : '✓'} ${title.padEnd(64)} ${counts}  ${seconds.toFixed(1)} s`);
    for (const { name, text } of failures) {
      this.#failed.push(`${title}: ${name}`);
      say(indent(`✗ ${name}\n${indent(text.trimEnd())}`));
    }
    if (failures.length > 0 && output?.trim()) say(indent(`it printed:\n${indent(output.trimEnd())}`));
  }

  fail(title: string, text: string): void {
    this.add({ title, passed: 0, failures: [{ name: title, text }], seconds: 0 });
  }

  finish(): void {
    if (this.#failed.length > 0) say(`\nFailed:\n${indent(this.#failed.join('\n'))}`);
    if (this.#passed + this.#failed.length === 0) say('\nNothing ran.');
    say(`\n${((performance.now() - this.#started) / 1000).toFixed(1)} s`);
    say(`${this.#passed} passed, ${this.#failed.length} failed`);
  }
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}
