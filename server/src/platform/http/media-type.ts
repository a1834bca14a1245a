// One closed list instead of a parser: spellings that two parsers read differently have let bodies past validation
// (CVE-2026-25223, CVE-2026-33806). JSON is UTF-8 (RFC 8259, section 8.1), so no other charset means anything.
const FORM_IN_UTF8 = /^application\/x-www-form-urlencoded(?: ?; ?charset=(?:utf-8|"utf-8"))?$/i;
const JSON_IN_UTF8 = /^application\/json(?: ?; ?charset=(?:utf-8|"utf-8"))?$/i;

/** Whether a request's only Content-Type says JSON in UTF-8. */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && JSON_IN_UTF8.test(contentType);
}

/** The same for a form, where one is taken at all. */
export function isForm(contentType: readonly string[] | undefined): boolean {
  return contentType?.length === 1 && FORM_IN_UTF8.test(contentType[0] ?? '');
}
