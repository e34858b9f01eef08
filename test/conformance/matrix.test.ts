import { describe, expect, test } from 'vitest';
import type { DeclaredIntent } from '#infra/local/meaning.ts';
import { verifyMatrix } from '#infra/local/verify.ts';
import { documentsOf, synthesized } from '../support/synthesized.ts';

const files = await synthesized('kind');
const intent = JSON.parse(files.get('intent.json') ?? 'null') as DeclaredIntent;
const submitTrade = '/trading.execution.v1.ExecutionService/SubmitTrade';

function differencesOf(changed: ReadonlyMap<string, string>): readonly string[] {
  const result = verifyMatrix(documentsOf(changed), intent);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.verdict.differences.map(
    ({ cell, expected, decided }) => `${cell}: ${expected}, got ${decided.verdict}`,
  );
}

/** The files with every text `from` of the files matching `path` replaced; throws when nothing was replaced. */
function edited(path: RegExp, from: string | RegExp, to: string): ReadonlyMap<string, string> {
  const changed = new Map([...files].map(([name, text]) => [name, path.test(name) ? text.replaceAll(from, to) : text]));
  if ([...changed].every(([name, text]) => text === files.get(name)))
    throw new Error('the seeded break changed nothing');
  return changed;
}

const withoutDefaultDeny = (path: RegExp) =>
  edited(path, /apiVersion: security.istio.io\/v1\nkind: AuthorizationPolicy\n(?:(?!---)[^\n]*\n)*?spec: \{\}\n/g, '');

describe('the rendered manifests of kind', () => {
  test('mean what is declared, in every cell', () => {
    expect(differencesOf(files)).toEqual([]);
  });

  test('mean the same without the default deny of the root namespace', () => {
    expect(differencesOf(withoutDefaultDeny(/istio-system\/20-/))).toEqual([]);
  });

  test('mean the same without the default deny of a namespace', () => {
    expect(differencesOf(withoutDefaultDeny(/trading\/20-/))).toEqual([]);
  });

  const breaks = [
    {
      title: 'a widened principal',
      changed: () => edited(/trading\/30-/, 'trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/*'),
      cell: `risk -> execution POST ${submitTrade}: deny, got allow`,
    },
    {
      title: 'a caller swapped for another',
      changed: () => edited(/trading\/30-/, 'trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/risk'),
      cell: `order -> execution POST ${submitTrade}: allow, got deny`,
    },
    {
      title: 'both default denies dropped',
      changed: () => withoutDefaultDeny(/20-default-deny/),
      cell: 'stranger -> undeclared POST /: deny, got allow',
    },
    {
      title: 'PERMISSIVE in a namespace',
      changed: () => edited(/trading\/20-/, 'mode: STRICT', 'mode: PERMISSIVE'),
      cell: `plaintext -> execution POST ${submitTrade}: deny by peer-authentication, got deny`,
    },
    {
      title: 'a wrong path',
      changed: () =>
        edited(/trading\/30-/, `- ${submitTrade}`, '- /trading.execution.v1.ExecutionService/SetTradingHalt'),
      cell: `order -> execution POST ${submitTrade}: allow, got deny`,
    },
    {
      title: 'a scope that no longer matters',
      changed: () =>
        edited(
          /trading\/30-/,
          /\n {8}- key: request\.auth\.claims\[scope\]\n {10}values:\n {12}- operations\.market/g,
          '',
        ),
      cell: 'gateway -> execution POST /trading.execution.v1.ExecutionService/SetTradingHalt (token: missingScope): deny, got allow',
    },
    {
      title: 'a NetworkPolicy that no longer admits the caller',
      changed: () => edited(/trading\/30-/, /port: 50053/g, 'port: 50059'),
      cell: `order -> execution POST ${submitTrade}: allow, got deny`,
    },
  ];

  test.for(breaks)('$title turns the run red and names the cell', ({ changed, cell }) => {
    expect(differencesOf(changed())).toContain(cell);
  });
});

test('the rendered manifests of production mean what is declared, in every cell', async () => {
  const production = await synthesized('production');
  const declared = JSON.parse(production.get('intent.json') ?? 'null') as DeclaredIntent;
  const result = verifyMatrix(documentsOf(production), declared);
  expect(result.ok && result.verdict.differences).toEqual([]);
});
