/**
 * What a mail is and what can go wrong with one. A transport takes one message for one recipient and either the other
 * side has accepted it when `send` returns, or `send` throws a MailFailure.
 */
export interface Mail {
  /** A UUID. The Message-ID is made of it, so that a mail that had to be sent twice can be seen to be one. */
  readonly id: string;
  readonly from: Mailbox;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

export interface MailTransport {
  send(mail: Mail, signal: AbortSignal): Promise<void>;
  /** Reaches the other side and signs in there, without sending anything; throws a MailFailure where it cannot. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/**
 * - `rejected`: the other side will never take this mail.
 * - `deferred`: not now; the reply was about this mail.
 * - `unreachable`: the other side could not be reached, does not let us in, or went away in the middle. It may be this
 *   mail that made it go away: `check` tells.
 */
export type MailFailureKind = 'rejected' | 'deferred' | 'unreachable';

/** Its message consists of codes alone: servers quote addresses in their replies, and it ends up in logs. */
export class MailFailure extends Error {
  override readonly name = 'MailFailure';
  readonly kind: MailFailureKind;

  constructor(kind: MailFailureKind, codes: string) {
    super(codes);
    this.kind = kind;
  }
}

// Exactly one `@`, and nothing that a header or an SMTP command gives a meaning to: quotes, comments, groups, routes and
// folding have all led mail libraries to other recipients than the stored address (I-129).
const ADDRESS = /^[^\s\p{Cc}\p{Cf}\p{Cs}"(),:;<>@[\\\]]{1,64}@[^\s\p{Cc}\p{Cf}\p{Cs}"(),:;<>@[\\\]]{1,253}$/u;

export function isMailAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** EMAIL_FROM: `address`, or `name <address>`. */
export function mailbox(text: string): Mailbox {
  const [, name = '', address = ''] = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>]*)>|.*)\s*$/s.exec(text) ?? [];
  const parsed = address === '' ? { name: '', address: text.trim() } : { name: oneLine(name), address: address.trim() };
  if (!isMailAddress(parsed.address)) throw new Error('EMAIL_FROM must be an address, or a name and an <address>');
  return parsed;
}

/** A subject, or a name in a header: what would end the line or turn the reading direction is gone. */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
    .trim();
}

export function messageId(mail: Mail): string {
  return `<${mail.id}@${mail.from.address.slice(mail.from.address.lastIndexOf('@') + 1)}>`;
}

/** What every transport asks of a mail before anything leaves: REG-05, INP-13. */
export function assertSendable(mail: Mail): void {
  if (!isMailAddress(mail.to) || !isMailAddress(mail.from.address)) throw new MailFailure('rejected', 'EADDRESS');
  if (mail.subject !== oneLine(mail.subject) || mail.from.name !== oneLine(mail.from.name)) {
    throw new MailFailure('rejected', 'EHEADER');
  }
}
