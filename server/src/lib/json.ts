import { isUtf8 } from 'node:buffer';
import { Refusal } from './refusal.ts';

const MAX_DEPTH = 20;
const MAX_NODES = 10_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Parses a request body so that everyone who reads it sees the same thing. Refused beyond what RFC 8259 forbids: a byte
 * order mark, duplicate keys (section 4 leaves their meaning open), keys that reach an object's prototype, NUL and lone
 * surrogates (they vanish or merge further down), numbers without a finite value, and shapes that cost time or stack.
 * No answer repeats any of the content, and neither does a cause: V8 quotes the text in its own messages.
 */
export function parseJsonStrictly(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw malformed('The body is not valid UTF-8.');
  const text = bytes.toString('utf8');
  if (text.charCodeAt(0) === 0xfeff) throw malformed('The body begins with a byte order mark.');
  const members = countMembers(text);
  const value = parse(text);
  // Valid UTF-8 holds no surrogates and JSON no bare control characters, so only escapes can bring them in.
  const tree = new Tree(text.includes('\\'));
  tree.visit(value);
  // JSON.parse keeps the last of equal keys; one key fewer in the tree than in the text means that one was lost.
  if (tree.members !== members) throw malformed('The JSON has the same key twice in one object.');
  return value;
}

/** One pass over the text before it is parsed, which bounds what parsing and the recursive visit can cost. */
function countMembers(text: string): number {
  let depth = 0;
  let members = 0;
  let nodes = 1;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i);
        break;
      case COLON:
        members++;
        break;
      case COMMA:
        if (++nodes > MAX_NODES) throw tooMany();
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (++depth > MAX_DEPTH) throw malformed(`The JSON is nested more than ${MAX_DEPTH} levels deep.`);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        depth--;
    }
  }
  return members;
}

/** The index of the quote that ends the string begun at `start`. It looks at each backslash once, so it is linear. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  throw malformed('The body is not valid JSON.');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('The body is not valid JSON.');
  }
}

class Tree {
  members = 0;
  private nodes = 0;
  private readonly hasEscapes: boolean;

  constructor(hasEscapes: boolean) {
    this.hasEscapes = hasEscapes;
  }

  /** Recursive: the pass over the text has bounded the depth. */
  visit(value: unknown): void {
    if (++this.nodes > MAX_NODES) throw tooMany();
    if (typeof value === 'string') this.checkString(value);
    else if (typeof value === 'number') checkNumber(value);
    else if (Array.isArray(value)) for (const item of value) this.visit(item);
    else if (typeof value === 'object' && value !== null) this.visitMembers(value as Record<string, unknown>);
  }

  private visitMembers(object: Record<string, unknown>): void {
    for (const key of Object.keys(object)) {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
        throw malformed('The JSON has a key that is not allowed.');
      }
      this.members++;
      this.checkString(key);
      this.visit(object[key]);
    }
  }

  private checkString(text: string): void {
    if (!this.hasEscapes) return;
    if (text.includes('\0')) throw malformed('The JSON has a NUL character in a string.');
    if (!text.isWellFormed()) throw malformed('The JSON has half a surrogate pair in a string.');
  }
}

function checkNumber(value: number): void {
  if (!Number.isFinite(value)) throw malformed('The JSON has a number that is too large.');
}

function tooMany(): Refusal {
  return malformed(`The JSON has more than ${MAX_NODES} values.`);
}

function malformed(detail: string): Refusal {
  return new Refusal('malformed_request', { detail });
}
