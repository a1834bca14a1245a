import { fileURLToPath } from 'node:url';

/** This folder, and the checkout that it belongs to. */
export const FOLDER = fileURLToPath(new URL('.', import.meta.url));
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Progress goes to standard error: standard output is for the result. */
export function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
