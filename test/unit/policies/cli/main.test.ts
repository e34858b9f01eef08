import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { main } from '#policies/cli/main.ts';

const MANIFESTS = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: 'trustDomain: td'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: x, namespace: a}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x, sidecar.istio.io/inject: 'true'}}
    spec: {containers: [{name: c, image: 'c:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: x, namespace: a}
spec: {selector: {app: x}, ports: [{port: 80, appProtocol: http}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: a}
spec:
  rules:
    - from: [{source: {principals: [td/ns/a/sa/caller]}}]
      to: [{operation: {paths: [/pkg.S/M]}}]
`;

const CALL = {
  id: '1',
  source: { principal: 'spiffe://td/ns/a/sa/caller' },
  destination: { namespace: 'a', workload: 'x', port: 80 },
  http: { method: 'POST', path: '/pkg.S/M' },
};

let folder = '';
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-cli-'));
  await writeFile(file('mesh.yaml'), MANIFESTS);
  await writeFile(file('intent.json'), '{"version":1,"grants":[]}');
  await writeFile(file('calls.jsonl'), `${JSON.stringify(CALL)}\n`);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(argv: readonly string[], stdin = '') {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  const code = await main(argv, { stdin: Readable.from([stdin]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, stdout: await out, stderr: await err };
}

const answers = (output: string): readonly unknown[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('meshwright decide', () => {
  test('answers one JSON line a request and exits 0, denied or not', async () => {
    const denied = { ...CALL, id: '2', http: { method: 'POST', path: '/pkg.S/Other' } };
    const lines = `${JSON.stringify(CALL)}\n\n${JSON.stringify(denied)}\n`;
    const result = await run(['decide', file('mesh.yaml'), '--requests', '-'], lines);
    expect(result).toMatchObject({ code: EXIT_CODES.holds, stderr: '' });
    expect(answers(result.stdout)).toEqual([
      {
        id: '1',
        verdict: 'allow',
        layer: 'none',
        policy: 'a/p',
        rule: 0,
        status: { http: 200, grpc: 0 },
        because: `matched by ALLOW policy \`a/p\` (${file('mesh.yaml')}:26), rule 0`,
        assumptions: [],
      },
      {
        id: '2',
        verdict: 'deny',
        layer: 'authorization-policy',
        policy: null,
        rule: null,
        status: { http: 403, grpc: 7 },
        because: 'ALLOW policies apply to the workload, and no rule of them matches',
        assumptions: [],
      },
    ]);
  });

  test('reads a folder, and passes over JSON that is no Kubernetes object', async () => {
    const result = await run(['decide', folder, '--requests', file('calls.jsonl')]);
    expect(result.code).toBe(EXIT_CODES.holds);
    expect(result.stderr).toBe(`${file('intent.json')}: no Kubernetes object, skipped\n`);
  });

  test('reads manifests from standard input', async () => {
    const result = await run(['decide', '-', '--requests', file('calls.jsonl')], MANIFESTS);
    expect(answers(result.stdout)).toMatchObject([{ id: '1', verdict: 'allow' }]);
  });

  test.for([
    { line: 'nonsense', id: null, code: 'request/json' },
    { line: '[]', id: null, code: 'request/type' },
    { line: '{"id":"m"}', id: 'm', code: 'request/missing' },
    {
      line: JSON.stringify({ ...CALL, id: 'w', destination: { ...CALL.destination, workload: 'y' } }),
      id: 'w',
      code: 'request/unknown-workload',
    },
    {
      line: JSON.stringify({ ...CALL, id: 'p', destination: { ...CALL.destination, port: 0 } }),
      id: 'p',
      code: 'request/port',
    },
    { line: JSON.stringify({ ...CALL, id: 'u', verb: 'GET' }), id: 'u', code: 'request/unknown-member' },
  ])('answers the line $line with $code, answers the rest, and exits 3', async ({ line, id, code }) => {
    const result = await run(['decide', file('mesh.yaml'), '--requests', '-'], `${line}\n${JSON.stringify(CALL)}\n`);
    expect(result.code).toBe(EXIT_CODES.inputInvalid);
    expect(answers(result.stdout)).toMatchObject([
      { id, error: { code } },
      { id: '1', verdict: 'allow' },
    ]);
  });

  test('mesh settings of --mesh-config win over those of the manifests', async () => {
    await writeFile(file('other.txt'), 'trustDomain: elsewhere\n');
    const result = await run([
      'decide',
      file('mesh.yaml'),
      '--requests',
      file('calls.jsonl'),
      '--mesh-config',
      file('other.txt'),
    ]);
    expect(answers(result.stdout)).toMatchObject([{ verdict: 'deny', layer: 'peer-authentication', status: null }]);
  });

  test('an issuer that signs with another key than the rule holds is answered 401', async () => {
    const rule = `{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: r, namespace: a}, spec: {jwtRules: [{issuer: 'https://i', jwks: '{"keys":[{"kty":"oct","k":"YQ"}]}'}]}}`;
    await writeFile(file('keys.json'), JSON.stringify({ 'https://i': { keys: [{ kty: 'oct', k: 'Yg' }] } }));
    await writeFile(file('token.jsonl'), JSON.stringify({ ...CALL, jwt: { claims: { iss: 'https://i' } } }));
    const argv = ['decide', '-', '--requests', file('token.jsonl')];
    const known = await run([...argv, '--issuer-keys', file('keys.json')], `${MANIFESTS}---\n${rule}\n`);
    const unknown = await run(argv, `${MANIFESTS}---\n${rule}\n`);
    expect(answers(known.stdout)).toMatchObject([{ layer: 'request-authentication', status: { http: 401, grpc: 16 } }]);
    expect(answers(unknown.stdout)).toMatchObject([{ verdict: 'allow' }]);
  });

  test('a document that the cluster refuses is a located problem, and nothing is decided', async () => {
    const broken = MANIFESTS.replace('/pkg.S/M', "''");
    const result = await run(['decide', '-', '--requests', file('calls.jsonl')], broken);
    expect(result).toMatchObject({ code: EXIT_CODES.inputInvalid, stdout: '' });
    expect(result.stderr).toMatch(/^stdin:\d+: spec\.rules\[0\]\.to\[0\]\.operation\.paths.*\[webhook\//);
  });

  test.for([
    { argv: ['decide', 'nowhere', '--requests', '-'], shown: 'input/not-found' },
    { argv: ['decide', '-'], shown: '--requests' },
    { argv: ['decide', '-', '--requests', '-'], shown: 'cannot be both' },
    { argv: ['decide', '-', '--requests', '-', '--semantics', 'istio-1.2'], shown: 'istio-1.31' },
    { argv: ['unknown'], shown: 'unknown command' },
  ])('exits 3 and says why for $argv', async ({ argv, shown }) => {
    const result = await run(argv);
    expect(result.code).toBe(EXIT_CODES.inputInvalid);
    expect(result.stderr).toContain(shown);
  });

  test('--help shows examples and the exit codes', async () => {
    const result = await run(['decide', '--help']);
    expect(result.code).toBe(EXIT_CODES.holds);
    expect(result.stdout).toMatch(/Examples:[\s\S]*Exit codes: 0 .* 1 .* 3 /);
  });

  test('a reader that goes away ends the work quietly', async () => {
    const stdout = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const lines = Readable.from([`${JSON.stringify(CALL)}\n`]);
    const argv = ['decide', file('mesh.yaml'), '--requests', '-'];
    expect(await main(argv, { stdin: lines, stdout, stderr: new PassThrough() })).toBe(EXIT_CODES.holds);
  });
});

test('the exit codes are those that scripts rely on', () => {
  expect(EXIT_CODES).toEqual({ holds: 0, toolFailed: 1, refuted: 2, inputInvalid: 3 });
});
