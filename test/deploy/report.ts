import { say } from '../run/report.ts';

export interface DeployReport {
  passed(title: string, seconds: number, figures: readonly string[]): void;
  failed(title: string, text: string, seconds: number, figures: readonly string[]): void;
  notRun(title: string, reason: string): void;
  /** Prints what failed and what did not run, and last `N passed, N failed`; gives the exit code. */
  finish(): number;
}

export function createReport(): DeployReport {
  const started = performance.now();
  const failures: string[] = [];
  const left: string[] = [];
  let passed = 0;
  const line = (mark: string, title: string, seconds: number, figures: readonly string[]): void =>
    say(
      `${mark} ${title.padEnd(76)} ${seconds.toFixed(1).padStart(6)} s${figures.length > 0 ? `  ${figures.join(', ')}` : ''}`,
    );
  return {
    passed(title, seconds, figures) {
      passed++;
      line('✓', title, seconds, figures);
    },
    failed(title, text, seconds, figures) {
      failures.push(title);
      line('✗', title, seconds, figures);
      say(text.replaceAll(/^(?=.)/gm, '    '));
    },
    notRun(title, reason) {
      left.push(`${title}: ${reason}`);
      say(`- ${title.padEnd(76)} NOT RUN: ${reason}`);
    },
    finish() {
      if (failures.length > 0) say(`\nFailed:\n${failures.map((one) => `    ${one}`).join('\n')}`);
      if (left.length > 0) say(`\nNOT RUN (${left.length}):\n${left.map((one) => `    ${one}`).join('\n')}`);
      if (passed + failures.length === 0) say('\nNothing ran.');
      say(`\n${((performance.now() - started) / 1000).toFixed(0)} s`);
      say(`${passed} passed, ${failures.length} failed`);
      return failures.length === 0 && passed > 0 ? 0 : 1;
    },
  };
}
