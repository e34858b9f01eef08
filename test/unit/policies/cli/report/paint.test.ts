import { PassThrough, type Writable } from 'node:stream';
import { WriteStream } from 'node:tty';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { paintFor } from '#policies/cli/report/paint.ts';

const RED = '\u001b[31mx\u001b[39m';
/** A terminal as far as colours go: Node's own judgement of the environment. */
const terminal = (): Writable =>
  Object.assign(new PassThrough(), { isTTY: true, getColorDepth: () => WriteStream.prototype.getColorDepth() });

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The variables that Node heeds, all but one taken out. */
function withOnly(name: string, value: string): void {
  for (const each of ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'CI', 'TMUX', 'COLORTERM'])
    vi.stubEnv(each, undefined);
  vi.stubEnv('TERM', 'xterm-256color');
  if (name !== '') vi.stubEnv(name, value);
}

describe('colour', () => {
  test.for([
    { what: 'a terminal', stream: terminal, variable: '', shown: RED },
    { what: 'a terminal under NO_COLOR', stream: terminal, variable: 'NO_COLOR', shown: 'x' },
    { what: 'a pipe', stream: () => new PassThrough(), variable: '', shown: 'x' },
    { what: 'a pipe under FORCE_COLOR', stream: () => new PassThrough(), variable: 'FORCE_COLOR', shown: RED },
  ])('on $what is $shown', ({ stream, variable, shown }) => {
    withOnly(variable, '1');
    expect(paintFor(stream())('bad', 'x')).toBe(shown);
  });
});
