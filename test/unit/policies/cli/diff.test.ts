import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { CLEAN, cartPolicy, cartRule, istio, type Parts } from '../analysis/lint/lint-mesh.ts';
import { faultsBy, run } from './command-line.ts';

const SHOP: Parts = {
  ...CLEAN,
  network: istio('NetworkPolicy', 'all', { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }),
};
/** One path more for `front`, and plaintext let in beside mTLS. */
const WIDER: Parts = {
  ...SHOP,
  policy: cartPolicy([cartRule({}, { paths: ['/shop.Cart/Get', '/shop.Cart/Add'] })]),
  strict: istio('PeerAuthentication', 'default', { mtls: { mode: 'PERMISSIVE' } }, { namespace: 'istio-system' }),
};
const yaml = (parts: Parts) => Object.values(parts).join('\n---\n');

let folder = '';
const file = (name: string) => join(folder, name);
const git = (...args: readonly string[]) =>
  promisify(execFile)('git', ['-c', 'user.name=t', '-c', 'user.email=t@example', ...args], { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-diff-'));
  await mkdir(file('shop'));
  await git('init', '-q', '-b', 'main');
  for (const [name, parts] of Object.entries({ before: SHOP, after: WIDER })) {
    await writeFile(file(`${name}.yaml`), yaml(parts));
    await writeFile(file('shop/all.yaml'), yaml(parts));
    await writeFile(file('shop/notes.json'), '{"not": "a manifest"}');
    await git('add', 'shop');
    await git('commit', '-q', '-m', name);
    await git('tag', name);
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const change = (...more: readonly string[]) => run(['diff', file('before.yaml'), file('after.yaml'), ...more]);

describe('meshwright diff', () => {
  test('tells what is opened with the rule responsible and a request, and what is weaker', async () => {
    const { code, stdout, stderr } = await change();
    expect({ code, stderr }).toEqual({ code: EXIT_CODES.holds, stderr: '' });
    expect(stdout).toContain('+ shop/front -> shop/cart:8080 POST /shop.Cart/Add');
    expect(stdout).toMatch(
      /before: deny, ALLOW policies apply .*\n.*after: allow, matched by ALLOW policy `shop\/cart` \(.*after\.yaml:\d+\), rule 0/,
    );
    expect(stdout).toContain('request: {"id":"example","source":{"workload":{"namespace":"shop","name":"front"}}');
    expect(stdout).toContain('mTLS mode STRICT became PERMISSIVE [mtls-mode]');
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^1 added, 0 removed, 0 changed, \d+ unchanged, \d+ layers weakened$/,
    );
    expect(stdout).not.toContain('\u001b');
  });

  test('reads one version from standard input', async () => {
    const { stdout } = await run(['diff', file('before.yaml'), '-'], yaml(WIDER));
    expect(stdout).toBe((await change()).stdout.replaceAll(file('after.yaml'), 'stdin'));
  });

  test('writes JSON that keeps to its schema, with and without a budget', async () => {
    await writeFile(file('budget.json'), JSON.stringify({ version: 1, most: { weakened: null } }));
    for (const more of [[], ['--budget', file('budget.json')], ['--changes-only']]) {
      const { stdout } = await change('--format', 'json', ...more);
      const json: unknown = JSON.parse(stdout);
      expect(await faultsBy('difference', json)).toEqual([]);
      expect(json).toMatchObject({
        version: 1,
        changes: expect.arrayContaining([expect.objectContaining({ change: 'added' })]),
      });
    }
    expect(await faultsBy('difference', { version: 1 })).not.toEqual([]);
  });

  test('writes Markdown whose cells no value can leave', async () => {
    const odd = {
      ...WIDER,
      policy: cartPolicy([{ ...cartRule(), when: [{ key: 'request.headers[x]', values: ['a|b<i>'] }] }]),
    };
    const { stdout } = await run(['diff', file('before.yaml'), '-', '--format', 'markdown'], yaml(odd));
    expect(stdout).toMatch(/^\| 🟡 changed \| `shop\/front` \| `shop\/cart:8080` .*a\\\|b&lt;i> \|$/m);
    expect(stdout).toContain('**Weakened layers**');
  });

  test('draws a Mermaid chart in which added calls are marked', async () => {
    const { stdout } = await change('--format', 'mermaid');
    expect(stdout).toMatch(/^flowchart LR\n/);
    expect(stdout).toMatch(/n\d+ ==>\|"\+ :8080 POST \/shop\.Cart\/Add"\| n\d+/);
    expect(stdout).toMatch(/n\d+ -->\|":8080 POST \/shop\.Cart\/Get"\| n\d+/);
    expect(stdout).toMatch(/linkStyle \d+ stroke:#1a7f37/);
  });
});

describe('a budget', () => {
  test('fails what opens more than it allows with exit code 2, and says what', async () => {
    await writeFile(file('none.yaml'), 'version: 1\n');
    const { code, stdout } = await change('--budget', file('none.yaml'));
    expect(code).toBe(EXIT_CODES.refuted);
    expect(stdout).toContain('over budget: 1 added, at most 0 allowed');
    expect(stdout).toMatch(/over budget: \d+ weakened, at most 0 allowed/);
  });

  test('lets pass what it allows by pattern, with a reason, until its day', async () => {
    const text = [
      'version: 1',
      'allowed:',
      '  - grant: {from: shop/front, to: shop/*, path: /shop.Cart/*}',
      '    reason: the basket page',
      "    until: '2027-01-31'",
      '  - {weakening: {layer: mtls-mode}, reason: migration}',
      '  - {grant: {to: nowhere}, reason: forgotten}',
    ].join('\n');
    await writeFile(file('some.yaml'), text);
    const [within, late] = [
      await change('--budget', file('some.yaml'), '--on', '2027-01-31'),
      await change('--budget', file('some.yaml'), '--on', '2027-02-01'),
    ];
    expect(within.code).toBe(EXIT_CODES.holds);
    expect(within.stdout).toMatch(/within budget\nallowed: shop\/front -> .*\(the basket page\)/);
    expect(within.stdout).toContain('some.yaml:7: this allowance is unused: forgotten');
    expect(late.code).toBe(EXIT_CODES.refuted);
    expect(late.stdout).toContain('some.yaml:3: this allowance is expired: the basket page');
  });

  test('is a JUnit report with a case for each limit', async () => {
    await writeFile(file('one.yaml'), 'version: 1\nmost: {weakened: null}\n');
    const { stdout } = await change('--budget', file('one.yaml'), '--format', 'junit');
    expect(stdout).toContain('<testcase classname="diff" name="budget: weakened"/>');
    expect(stdout).toMatch(
      /name="budget: added"><failure type="exceeded" message="1 added, at most 0 allowed\nshop\/front -&gt;/,
    );
  });

  test('that cannot be read is told with every problem and its line', async () => {
    await writeFile(
      file('bad.yaml'),
      'version: 2\nmost: {added: -1}\nallowed:\n  - {grant: {colour: red}, until: soon}\n',
    );
    const { code, stdout, stderr } = await change('--budget', file('bad.yaml'));
    expect({ code, stdout }).toEqual({ code: EXIT_CODES.inputInvalid, stdout: '' });
    expect(
      stderr
        .match(/bad\.yaml:\d+: \S+ .*\[budget\/[a-z-]+\]/g)
        ?.map((line) => line.replace(/^.*bad\.yaml:(\d+).*\[(.*)\]$/, '$1 $2')),
    ).toEqual(['1 budget/version', '2 budget/type', '4 budget/type', '4 budget/type', '4 budget/unknown-member']);
    expect(await faultsBy('budget', { version: 1, most: { added: -1 } })).not.toEqual([]);
    expect(
      await faultsBy('budget', { version: 1, allowed: [{ grant: { to: 'x' }, reason: 'y', until: '2027-01-01' }] }),
    ).toEqual([]);
  });
});

describe('versions in git', () => {
  /** Git looks for the repository from the working directory on. */
  async function inFolder<T>(work: () => Promise<T>, place = folder): Promise<T> {
    const here = process.cwd();
    process.chdir(place);
    try {
      return await work();
    } finally {
      process.chdir(here);
    }
  }

  test('are read by REVISION:PATH, or as two revisions of one path, whatever the working tree holds', async () => {
    const expected = (await change('--format', 'json')).stdout;
    const changesOf = (text: string) =>
      JSON.parse(text.replaceAll(/[\w./:-]*(?:before|after|all)\.yaml/g, 'mesh.yaml')).changes;
    await inFolder(async () => {
      for (const argv of [
        ['before:shop', 'after:shop'],
        ['before:shop/all.yaml', 'HEAD:./shop'],
        ['before:shop', 'shop'],
        ['--revisions', 'before..after', 'shop'],
      ]) {
        const { code, stdout, stderr } = await run(['diff', ...argv, '--format', 'json']);
        expect(code, `${argv.join(' ')}: ${stderr}`).toBe(EXIT_CODES.holds);
        expect(changesOf(stdout), argv.join(' ')).toEqual(changesOf(expected));
      }
    });
  });

  test.for([
    { source: 'nowhere:shop', code: 'git/unknown-revision' },
    { source: '--upload-pack=x:shop', code: 'unknown option' },
    { source: 'before:elsewhere', code: 'git/no-such-path' },
  ])('that are not there are told: $source', async ({ source, code }) => {
    const { code: exit, stderr } = await inFolder(() => run(['diff', source, 'shop']));
    expect(exit).toBe(EXIT_CODES.inputInvalid);
    expect(stderr).toContain(code);
  });

  test('are read from below the folder that the path begins at', async () => {
    const asked = ['before:./', '.'] as const;
    const { code, stderr } = await inFolder(() => run(['diff', ...asked]), file('shop'));
    expect({ code, stderr }).toEqual({ code: EXIT_CODES.holds, stderr: expect.not.stringContaining('[') });
  });

  test('hold what their links lead to, and say which lead to no file of theirs', async () => {
    await mkdir(file('linked'));
    await symlink('../shop/all.yaml', file('linked/all.yaml'));
    await git('add', 'linked');
    await git('commit', '-q', '-m', 'linked');
    const same = await inFolder(() => run(['diff', 'HEAD:linked', 'HEAD:shop/all.yaml', '--format', 'json']));
    expect(JSON.parse(same.stdout).changes.length).toBeGreaterThan(0);
    expect(new Set(JSON.parse(same.stdout).changes.map(({ change: how }: { change: string }) => how))).toEqual(
      new Set(['unchanged']),
    );
    for (const [name, target] of Object.entries({
      gone: 'nothing.yaml',
      round: 'round.yaml',
      out: '../../x',
      up: '..',
    }))
      await symlink(target, file(`linked/${name}.yaml`));
    await git('add', 'linked');
    await git('commit', '-q', '-m', 'broken');
    const broken = await inFolder(() => run(['lint', 'HEAD:linked']));
    expect(broken.code).toBe(EXIT_CODES.inputInvalid);
    for (const said of ['gone.yaml:1: a link that leads to nothing', 'round.yaml:1: a link that leads round'])
      expect(broken.stderr).toContain(said);
    for (const said of [
      'out.yaml:1: a link that leads out of the repository',
      'up.yaml:1: a link that leads to a folder',
    ])
      expect(broken.stderr).toContain(said);
  });

  test('outside of a repository are told', async () => {
    await rm(file('.git'), { recursive: true });
    const { stderr } = await inFolder(() => run(['diff', 'HEAD:shop', 'shop']));
    expect(stderr).toContain('git/not-a-repository');
  });
});

test.for([
  { argv: ['diff', 'a'], shown: "missing required argument 'after'" },
  { argv: ['diff', '-', '-'], shown: 'standard input cannot be both versions' },
  { argv: ['diff', '--revisions', 'a..b', 'x', 'y'], shown: '--revisions takes one path' },
  { argv: ['diff', '--revisions', 'a...b', 'x'], shown: 'expects A..B' },
  { argv: ['diff', 'nowhere', 'nobody'], shown: 'nobody:1: no such file or folder [input/not-found]' },
  { argv: ['diff', 'a', 'b', '--on', '2027-13-01'], shown: '--on expects a day' },
])('meshwright diff exits 3 and says why for $argv', async ({ argv, shown }) => {
  const { code, stderr } = await run(argv);
  expect(code).toBe(EXIT_CODES.inputInvalid);
  expect(stderr).toContain(shown);
});
