/**
 * HTML that was written by us, or escaped. Only `html` and `raw` make one, so that no object out of a request or a
 * database can pass for it.
 */
class SafeHtml {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Html = SafeHtml;
type HtmlValue = string | number | Html | null | undefined | false | readonly HtmlValue[];

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed; HTML has no way to write them.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof SafeHtml) return value.toString();
  if (Array.isArray(value)) return value.map(render).join('');
  return String(value)
    .toWellFormed()
    .replace(FORBIDDEN, '')
    .replace(/[&<>"'`]/g, (character) => ENTITIES[character] as string);
}

/**
 * A tagged template whose values are escaped for text and for quoted attributes. An unquoted attribute is refused:
 * escaping cannot make it safe. Whether a link's scheme is harmless is for its writer to check.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = strings[0] ?? '';
  values.forEach((value, index) => {
    if (strings[index]?.endsWith('=')) throw new Error('html: an attribute that holds a value must be quoted');
    text += render(value) + (strings[index + 1] ?? '');
  });
  return new SafeHtml(text);
}

/** Takes `text` for HTML as it is: for constants, never for anything that came from outside. */
export function raw(text: string): Html {
  return new SafeHtml(text);
}
