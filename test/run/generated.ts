/**
 * Files that are written by a program and kept in version control: the command, run by Node from the root, prints what
 * the file must hold.
 */
export const GENERATED: readonly (readonly [command: readonly string[], file: string])[] = [];
