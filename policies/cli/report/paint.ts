/** Colour for people: on terminals that show it, unless NO_COLOR says otherwise. */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** What a piece of text means; each reader of a report sees the same meanings in the same colours. */
export type Tone = 'good' | 'bad' | 'careful' | 'quiet' | 'strong';

/** Colours a text, or leaves it as it is. */
export type Paint = (tone: Tone, text: string) => string;

const STYLES = { good: 'green', bad: 'red', careful: 'yellow', quiet: 'dim', strong: 'bold' } as const;

/** The paint for a stream; Node decides whether it is a terminal with colours, and heeds NO_COLOR and FORCE_COLOR. */
export function paintFor(stream: Writable): Paint {
  return (tone, text) => styleText(STYLES[tone], text, { stream });
}
