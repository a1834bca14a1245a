import { type Html, html } from '../../lib/html.ts';

/** One of the states of a page. All but the one that asks for a script are hidden until the script shows them. */
export function state(name: string, title: string, words: string[], form?: Html): Html {
  return html`<section data-state="${name}"${name !== 'needs-script' && html` hidden`}>
<h1 tabindex="-1">${title}</h1>
<p>${words}</p>
${form}
</section>
`;
}
