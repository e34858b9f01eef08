/** istiod's validation of path templates. Source: istio `CheckValidPathTemplate`; `semantics.md` section 3.8. */
import type { Cursor } from './parse-cursor.ts';
import { type Problem, quote } from './problem.ts';
import { fault } from './webhook-fault.ts';

const ONE = '{*}';
const MANY = '{**}';
const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;

/** The faults of one path value; a value without braces has none. */
export function templateFaults(value: Cursor): readonly Problem[] {
  const text = value.text();
  if (!text.includes('{') && !text.includes('}')) return [];
  const isTemplate = text.includes(ONE) || text.includes(MANY);
  let isClosed = false;
  for (const segment of text.replace(/^\/+|\/+$/g, '').split('/')) {
    if (segment === ONE || segment === MANY) {
      if (isClosed)
        return [fault('template', `path ${quote(text)}: nothing may follow \`{**}\` but literal segments`, value)];
      isClosed = segment === MANY;
      continue;
    }
    if (/[{}]/.test(segment)) {
      const message = `path ${quote(text)}: segment ${quote(segment)} is neither \`{*}\`, \`{**}\` nor free of braces`;
      return [fault('template', message, value, 'an operator stands for whole segments')];
    }
    if (isTemplate && !LITERAL.test(segment)) {
      const message = `path ${quote(text)}: segment ${quote(segment)} holds characters that no template can match`;
      return [fault('template', message, value, 'percent-encode them')];
    }
  }
  return [];
}
