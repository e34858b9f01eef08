import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { compile, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { meshOf } from '../../../../support/small-mesh.ts';
import { faultsBy, run } from '../../cli/command-line.ts';

const CASE = new URL('../../../../conformance/cases/gateway-first-match/policies.yaml', import.meta.url);
const text = await readFile(CASE, 'utf8');

/** The mesh whose route of `GET /v1/…` rewrites by an expression. */
function rewriting(match: string, replacement: string): string {
  const uri = 'rewrite: {uri: /api/}';
  expect(text).toContain(uri);
  return text.replace(uri, `rewrite: {uriRegexRewrite: ${JSON.stringify({ match, rewrite: replacement })}}`);
}

const asked = (path: string) => ({
  id: 'r',
  destination: { namespace: 'edge', workload: 'ingress', port: 8443 },
  http: { method: 'GET', path, host: 'shop.example' },
});

/** What the destination gets of `GET /v1/…`, and what is decided there. */
function forwarded(match: string, replacement: string, path: string) {
  const decider = compile(meshOf(...rewriting(match, replacement).split('\n---\n')));
  const request = parseRequest(asked(path));
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  const verdict = decider.decide(request.value);
  const [first] = toAnswer(request.value, verdict, decider.follow(request.value, verdict)).forwards ?? [];
  if (first === undefined) throw new Error(`nothing is forwarded: ${JSON.stringify(verdict)}`);
  return first;
}

describe('uriRegexRewrite replaces as RE2 does', () => {
  test.for([
    { match: '^/v1/(.*)$', by: '/api/\\1', path: '/v1/x', made: '/api/x', why: 'a group is put in' },
    { match: '/v1', by: '/api\\0', path: '/v1/x', made: '/api/v1/x', why: 'group 0 is the match' },
    { match: 'o', by: '0', path: '/v1/foo', made: '/v1/f00', why: 'every match is replaced' },
    { match: '.*', by: '/api/x', path: '/v1/x', made: '/api/x', why: 'the empty match behind the whole path is none' },
    { match: 'x*', by: '-', path: '/v1/xa', made: '-/-v-1-/-a-', why: 'nor is the one behind a match in the middle' },
    { match: '(/v1)(/no)?', by: '/api\\2', path: '/v1/x', made: '/api/x', why: 'a group that took no part is empty' },
    { match: '^/v1/(.*)$', by: '/api/$1', path: '/v1/x', made: '/api/$1', why: 'a dollar is only itself' },
    { match: '^/v1/(.*)$', by: '/api/\\\\1', path: '/v1/x', made: '/api/\\1', why: 'an escaped backslash is no group' },
    {
      match: '^/v1/([^/]+)/([^/]+)/([^/]+)/([^/]+)/(.*)$',
      by: '/\\5',
      path: `/v1/${'segment-of-fifteen/'.repeat(4)}end`,
      made: '/end',
      why: 'as many groups as anybody writes',
    },
    { match: '(1)', by: '\\10', path: '/v1/x', made: '/v10/x', why: 'a group has one digit' },
    { match: '^/v1/(.*)$', by: '/api/\\1', path: '/v1/x?q=1', made: '/api/x?q=1', why: 'the query is left alone' },
  ])('$match to $by: $why', ({ match, by, path, made }) => {
    expect(forwarded(match, by, path).http?.path).toBe(made);
  });
});

describe('behind an expression that is not read, nothing is decided', () => {
  const UNREAD = [
    { match: '(?i)/V1', by: '/admin', why: 'flags' },
    { match: '/(?P<version>v1)', by: '/\\1', why: 'named groups' },
    { match: '[[:alpha:]]1', by: 'admin', why: 'classes that other engines read as a set of letters' },
    { match: '\\A/v1', by: '/admin', why: 'anchors that other engines read as letters' },
    { match: '\\pL1', by: 'x', why: 'Unicode classes' },
    { match: '(ab)+', by: 'x', why: 'repeated groups' },
    { match: '/v1/(', by: 'x', why: 'no expression at all' },
    { match: '/v1', by: '/\\3', why: 'a group that is not there' },
    { match: '/v1', by: '/\\n', why: 'an escape that RE2 refuses' },
  ];

  test.for(UNREAD)('$match to $by: $why', ({ match, by }) => {
    const found = forwarded(match, by, '/v1/x');
    expect(found).toMatchObject({ answer: null, http: null, destination: { namespace: 'shop', workload: 'shop' } });
    expect(found.undecided).toContain('the path that arrives there is not known');
  });

  test('nor where the expression has more ways to match a path than can be tried', () => {
    const found = forwarded(`/v1/${'a*'.repeat(30)}z`, '/', `/v1/${'a'.repeat(100)}`);
    expect(found).toMatchObject({ answer: null, http: null });
    expect(found.undecided).toContain('the path that arrives there is not known');
  });

  test('and explain says so, in words and in JSON', async () => {
    const [{ match, by }] = UNREAD as [(typeof UNREAD)[number]];
    const request = JSON.stringify(asked('/v1/x'));
    const explained = (...more: readonly string[]) =>
      run(['explain', '-', '--request', request, ...more], rewriting(match, by));
    const { stdout } = await explained();
    expect(stdout).toMatch(/^ALLOWED by the gateway, not decided behind it {2}plaintext caller/);
    expect(stdout).toContain('?     shop.shop.svc.cluster.local:80: the path that arrives there is not known');
    const json = JSON.parse((await explained('--format', 'json')).stdout);
    expect(await faultsBy('explanation', json)).toEqual([]);
    expect(await faultsBy('answer', json.answer)).toEqual([]);
  });
});
