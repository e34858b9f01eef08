import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { CODES } from '#policies/analysis/lint/checks.ts';
import { OPERATORS } from '#policies/analysis/mutate/operators.ts';
import { TITLES } from '#policies/cli/report/verification.ts';

const ROOT = new URL('../../../../../', import.meta.url);
const FILE = new URL('policies/analysis/lint/COVERAGE.md', ROOT);

/** One row: what it is about, and what holds it. */
interface Row {
  readonly section: string;
  readonly id: string;
  readonly holders: readonly string[];
  /** Why manifests cannot show it, undefined where nothing is said of that. */
  readonly not: string | undefined;
}

function rowsOf(text: string): readonly Row[] {
  let section = '';
  return text.split('\n').flatMap((line) => {
    section = /^## (.*)$/.exec(line)?.[1] ?? section;
    const [, id = '', , holders = ''] = line.split('|').map((cell) => cell.trim());
    if (!line.startsWith('| ') || /^(No|Id|---)$/.test(id)) return [];
    const [held = '', not] = holders.split(/(?:^|\s)not:/);
    return [{ section, id, holders: held.split(' ').filter((each) => each !== ''), not }];
  });
}

const codes = new Set(CODES.map(({ code }) => code));
const operators = new Set(OPERATORS.map(({ code }) => code));
const at = (path: string) => existsSync(new URL(path, ROOT));

/** Whether what a holder names exists. */
const EXISTS: Readonly<Record<string, (name: string) => boolean>> = {
  lint: (name) => codes.has(name),
  verify: (name) => Object.hasOwn(TITLES, name),
  mutate: (name) => operators.has(name),
  recorded: (name) => at(`test/conformance/recorded/cases/${name}/verdicts.jsonl`),
  case: (name) => at(`test/conformance/cases/${name}/policies.yaml`),
  test: (name) => name.endsWith('.test.ts') && at(name),
};

/** Names what the holders of rows name and what does not exist. */
function strangers(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ id, holders }) =>
    holders
      .filter((holder) => {
        const colon = holder.indexOf(':');
        return EXISTS[holder.slice(0, colon)]?.(holder.slice(colon + 1)) !== true;
      })
      .map((holder) => `${id}: ${holder}`),
  );
}

describe('the table of practices and advisories', () => {
  let rows: readonly Row[] = [];
  beforeAll(async () => {
    rows = rowsOf(await readFile(FILE, 'utf8'));
  });

  test('names nothing that does not exist', () => {
    expect(strangers(rows)).toEqual([]);
  });

  test('holds every row by something, or says why not', () => {
    expect(rows.filter(({ holders, not }) => holders.length === 0 && (not ?? '').trim().length < 10)).toEqual([]);
  });

  test('has each of the 33 practices once, and no advisory twice', () => {
    const ids = (section: string) => rows.filter((row) => row.section === section).map(({ id }) => id);
    expect(ids('Practices').map(Number)).toEqual(Array.from({ length: 33 }, (_, index) => index + 1));
    const advisories = ids('Advisories');
    expect(advisories.filter((id) => !/^(CVE-\d{4}-\d+|ISTIO-SECURITY-\d{4}-\d{3}|GHSA(-\w{4}){3})$/.test(id))).toEqual(
      [],
    );
    expect(advisories).toEqual([...new Set(advisories)]);
    expect(advisories.length).toBeGreaterThanOrEqual(40);
  });

  test('would be refused with a code, a statement, an operator or a file that is gone', () => {
    const holders = [
      'lint:authz/gone',
      'verify:gone',
      'mutate:Z9',
      'recorded:gone',
      'case:gone',
      'test:gone.test.ts',
      'x',
    ];
    expect(strangers([{ section: '', id: 'r', holders, not: undefined }])).toHaveLength(holders.length);
  });
});

describe('advisories that a resolution names', () => {
  test('are rows of the table', async () => {
    const text = await readFile(FILE, 'utf8');
    const named = CODES.flatMap(
      ({ resolution }) => resolution.match(/\b(CVE-\d{4}-\d+|ISTIO-SECURITY-\d{4}-\d{3})\b/g) ?? [],
    );
    expect([...new Set(named)].filter((id) => !text.includes(id) && !text.includes(id.slice(-8)))).toEqual([]);
    expect(named.length).toBeGreaterThan(10);
  });
});
