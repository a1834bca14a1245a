/** Who asked, as far as the connection tells: it goes into audit lines, sessions and mails. */
export interface RequestOrigin {
  readonly requestId: string;
  /** The client's address, through declared proxies only. */
  readonly address: string;
  /** At most 256 characters. */
  readonly userAgent: string;
  /** When the request arrived, in milliseconds since the epoch. */
  readonly now: number;
}
