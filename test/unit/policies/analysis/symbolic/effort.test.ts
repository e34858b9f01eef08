import { describe, expect, test } from 'vitest';
import { BudgetExceeded, Diagrams } from '#policies/analysis/symbolic/diagram.ts';
import { Effort } from '#policies/analysis/symbolic/effort.ts';

describe('the effort of a question', () => {
  test('grants a million operations at once, less as it is spent, and always what ports of real meshes need', () => {
    const effort = new Effort();
    expect(effort.grant).toBe(1_000_000);
    for (let spent = 0; spent < 11_500_000; spent += 1) effort.spend();
    expect(effort.grant).toBe(500_000);
    for (let spent = 0; spent < 1_000_000; spent += 1) effort.spend();
    expect(effort.grant).toBe(20_000);
  });

  test('is spent by diagrams, which stop at their own budget', () => {
    const effort = new Effort();
    for (let spent = 0; spent < 11_999_000; spent += 1) effort.spend();
    expect(effort.grant).toBe(20_000);
    const diagrams = new Diagrams(50, effort);
    const parity = () => {
      let node = diagrams.never;
      for (let level = 0; level < 40; level += 1)
        node = diagrams.xor(node, diagrams.node(level, diagrams.never, [1], [diagrams.always]));
      return node;
    };
    expect(parity).toThrow(BudgetExceeded);
  });
});
