import { describe, expect, test } from 'vitest';
import { Numbering } from '#policies/analysis/compare/numbering.ts';

/** A place as the parser makes them: it writes itself out, which looks for its line in the file. */
const place = (file: string) => ({
  file,
  toJSON(): never {
    throw new Error(`the line of a place in ${file} was asked for`);
  },
});

describe('a number of what an object says', () => {
  test('is the same wherever it stands, and no line is looked for to tell', () => {
    const numbering = new Numbering();
    const policy = (file: string, verb: string) => ({
      name: 'orders',
      at: place(file),
      rules: [{ at: place(file), clauses: [{ on: 'method', values: [verb] }] }],
    });
    expect(numbering.of(policy('one.yaml', 'GET'))).toBe(numbering.of(policy('two.yaml', 'GET')));
    expect(numbering.of(policy('one.yaml', 'GET'))).not.toBe(numbering.of(policy('one.yaml', 'PUT')));
  });

  test('reads a label that is called `at`, which holds text', () => {
    const numbering = new Numbering();
    const pod = (at: string) => ({ labels: { at, app: 'orders' } });
    expect(numbering.of(pod('home'))).not.toBe(numbering.of(pod('work')));
    expect(numbering.of(pod('home'))).not.toBe(numbering.of({ labels: { app: 'orders' } }));
  });
});
