import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRequest } from '#policies/analysis/index.ts';
import { podWorkload } from '#policies/analysis/world.ts';
import type { Caller } from '#policies/cli/live/caller.ts';
import { asProbe, type Chosen, type Stage, strangersOf } from '#policies/cli/live/chosen.ts';
import { connect } from '#policies/cli/live/connect.ts';
import { readChosen } from '#policies/cli/live/read-chosen.ts';
import { startStranger } from '#policies/cli/live/stranger.ts';
import { readSigningKey } from '#policies/cli/live/user-token.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { workloadYaml } from '../../../../support/small-mesh.ts';
import { servedCluster } from './served-cluster.ts';

const parsed = parseMesh(
  readDocuments('mesh.yaml', [workloadYaml('a', 'x'), workloadYaml('a', 'y')].join('\n---\n')).documents,
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const mesh = parsed.value;
const key = readSigningKey(
  JSON.stringify(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })),
);

const callerOf = (workload: Caller['workload'], proxied: boolean): Caller => ({
  workload,
  identity: `spiffe://cluster.local/ns/${workload.namespace}/sa/${workload.serviceAccount}`,
  pod: { namespace: workload.namespace, name: `${workload.name}-1`, ip: '10.0.0.9', containers: ['c'], proxied },
  from: { namespace: workload.namespace, pod: `${workload.name}-1`, container: 'c' },
});
const own = mesh.workloads.map((workload) => callerOf(workload, true));
const stranger = callerOf(podWorkload({ namespace: 'a', workload: 'plaintext-stranger', labels: {} }), false);
const stage: Stage = {
  mesh,
  callers: [...own, stranger],
  podOf: ({ namespace, workload }) =>
    own.find((each) => each.workload.namespace === namespace && each.workload.name === workload)?.pod,
  key,
};

function chosen(json: object): Chosen {
  const request = parseRequest({ id: 'probe-1', destination: { namespace: 'a', workload: 'x', port: 80 }, ...json });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  return { request: request.value, expected: 'deny' };
}

const http = { method: 'GET', path: '/p', headers: { tier: ['gold'] } };

describe('a request of a file', () => {
  test('goes out from its workload, to the Service that leads to the port, with its headers and its token', () => {
    const made = asProbe(
      chosen({ source: { workload: { namespace: 'a', name: 'y' } }, http, jwt: { claims: { iss: 'i', sub: 'u' } } }),
      stage,
    );
    if (typeof made === 'string') throw new Error(made);
    expect(made.caller.workload.name).toBe('y');
    expect(made.probe).toMatchObject({ protocol: 'http1', method: 'GET', path: '/p', host: 'x.a.svc.cluster.local' });
    const { headers } = made.probe as { headers: Record<string, string> };
    expect(headers['tier']).toBe('gold');
    const payload = headers['authorization']?.split('.')[1] ?? '';
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ iss: 'i', sub: 'u' });
    expect(made.callees.map(({ name }) => name)).toEqual(['x-1']);
  });

  test('of a certificate goes out from the workload that has it, and is judged as that workload sends it', () => {
    const made = asProbe(chosen({ source: { principal: 'spiffe://cluster.local/ns/a/sa/y' }, http: null }), stage);
    if (typeof made === 'string') throw new Error(made);
    expect(made.json).toMatchObject({ source: { workload: { namespace: 'a', name: 'y' } }, http: null });
    expect(made.probe.protocol).toBe('tcp');
  });

  test('of plaintext goes out from a pod that nobody declared, which is part of the request', () => {
    const made = asProbe(chosen({ source: {}, http }), stage);
    if (typeof made === 'string') throw new Error(made);
    expect(made.caller).toBe(stranger);
    expect(parseRequest(JSON.parse(JSON.stringify(made.json)))).toMatchObject({
      ok: true,
      value: { pods: [{ namespace: 'a', workload: 'plaintext-stranger' }] },
    });
    expect(strangersOf([chosen({ http })])).toHaveLength(1);
    expect(strangersOf([chosen({ source: { workload: { namespace: 'a', name: 'y' } }, http })])).toEqual([]);
  });

  test('without a proxy goes to the address of the pod: no name has to be resolved', () => {
    const made = asProbe(chosen({ source: {}, http }), stage);
    expect(made).toMatchObject({ probe: { host: '10.0.0.9', port: 80 } });
  });

  test('of HTTP to a port declared as TCP goes out as bytes', () => {
    const made = asProbe(
      chosen({
        source: { workload: { namespace: 'a', name: 'y' } },
        destination: { namespace: 'a', workload: 'x', port: 70 },
        http,
      }),
      stage,
    );
    expect(made).toMatchObject({ probe: { protocol: 'tcp' } });
  });

  const unsendable = [
    { why: 'nobody has the identity', json: { source: { principal: 'spiffe://td/x' } }, says: 'has the identity' },
    {
      why: 'no pod shows two SANs',
      json: { source: { principal: ['spiffe://cluster.local/ns/a/sa/y', 'spiffe://td/x'] } },
      says: 'more than one identity',
    },
    { why: 'the workload does not run', json: { source: { workload: { namespace: 'b', name: 'z' } } }, says: '`b/z`' },
    {
      why: 'nothing signs the token',
      json: { source: { workload: { namespace: 'a', name: 'y' } }, http, jwt: { claims: {} } },
      says: '--user-key',
    },
  ];
  test.for(unsendable)('is told apart where $why', ({ json, says }) => {
    expect(asProbe(chosen(json), { ...stage, key: null })).toContain(says);
  });

  test('is read from lines, and every bad line is named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshwright-chosen-'));
    const file = join(folder, 'probes.jsonl');
    const good = { id: '1', destination: { namespace: 'a', workload: 'x', port: 80 }, expected: 'allow' };
    await writeFile(file, `${JSON.stringify(good)}\n\n`);
    expect(await readChosen(file)).toMatchObject({ ok: true, value: [{ expected: 'allow', request: { id: '1' } }] });
    await writeFile(file, `${JSON.stringify(good)}\n{\n${JSON.stringify({ destination: 7 })}\n`);
    const bad = await readChosen(file);
    expect(bad.ok ? [] : bad.problems.map(({ code, at }) => `${at.line} ${code}`)).toEqual(
      expect.arrayContaining(['2 request/json', '3 request/type']),
    );
    await rm(folder, { recursive: true });
  });
});

describe('a pod that nobody declared', () => {
  const started = {
    metadata: { name: 'meshwright-stranger-1', namespace: 'shop', labels: {} },
    status: {
      podIP: '10.0.0.7',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'meshwright-probe', state: { running: {} } }],
    },
  };
  const pods = '/api/v1/namespaces/shop/pods';
  const cluster = servedCluster([
    [pods, { kind: 'object', object: started }],
    [`${pods}/${started.metadata.name}`, { kind: 'object', object: started }],
  ]);
  const pod = { namespace: 'shop', workload: 'undeclared', labels: {} };

  async function start() {
    const connection = await connect('here');
    if (!connection.ok) throw new Error(JSON.stringify(connection.problems));
    return startStranger(connection.value, { mesh }, { pod, image: 'probe:1' });
  }

  test('is started, called from, and removed', async () => {
    const found = await start();
    if (typeof found === 'string') throw new Error(found);
    expect(found.caller).toMatchObject({ workload: { name: 'undeclared' }, pod: { ip: '10.0.0.7', proxied: false } });
    await found.remove();
    expect(cluster().server.requests).toContain(`POST ${pods}`);
    expect(cluster().server.requests.at(-1)).toBe(`DELETE ${pods}/meshwright-stranger-1`);
  });

  test('that may not be started says why', async () => {
    cluster().server.served.set(pods, { kind: 'status', status: 403, message: 'pods is forbidden' });
    expect(await start()).toBe('no pod may be started in `shop`: pods is forbidden');
  });
});
