import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compile, PROFILES, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { main } from '#policies/cli/main.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { SymbolicPorts } from '../unit/policies/analysis/symbolic/symbolic-port.ts';
import type { ConformanceRequest } from './conformance-case.ts';

const root = new URL('./cases/', import.meta.url);
const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());

const collected = () => {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
};

async function decideByCli(file: string, lines: readonly string[]): Promise<readonly unknown[]> {
  const stdin = new PassThrough();
  stdin.end(`${lines.join('\n')}\n`);
  const [stdout, stderr] = [collected(), collected()];
  const code = await main(['decide', file, '--requests', '-'], { stdin, stdout: stdout.stream, stderr: stderr.stream });
  if (code !== 0) throw new Error(`decide ended with ${code}: ${stderr.text()}`);
  return stdout
    .text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe.each(folders.map((folder) => folder.name))('%s', async (folder) => {
  const file = join(fileURLToPath(root), folder, 'policies.yaml');
  const { requests } = (await import(`./cases/${folder}/requests.ts`)) as { requests: readonly ConformanceRequest[] };
  const reading = readDocuments(file, await readFile(file, 'utf8'));
  const mesh = parseMesh(reading.documents);
  const json = requests.map((each) => ({ id: each.name, ...each.request }));

  test('the policies are accepted', () => {
    expect([...reading.problems, ...(mesh.ok ? [] : mesh.problems)]).toEqual([]);
  });

  test.for(requests.map((each, index) => ({ ...each, index })))(
    '$name: $expected.verdict, because $because',
    ({ expected, index }) => {
      if (!mesh.ok) throw new Error('the policies are not accepted');
      const request = parseRequest(json[index]);
      if (!request.ok) throw new Error(JSON.stringify(request.problems));
      const decider = compile(mesh.value);
      const verdict = decider.decide(request.value);
      const answer = toAnswer(request.value, verdict, decider.follow(request.value, verdict));
      expect(answer).toMatchObject(expected);
      const world = { mesh: mesh.value, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
      expect(toAnswer(request.value, decideNaively(world, request.value)), 'the naive evaluator').toEqual(
        toAnswer(request.value, verdict),
      );
    },
  );

  test('the naive and the symbolic evaluator give the same verdicts', () => {
    if (!mesh.ok) throw new Error('the policies are not accepted');
    const world = { mesh: mesh.value, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
    const symbolic = new SymbolicPorts(world);
    for (const [index, { name, expected }] of requests.entries()) {
      const request = parseRequest(json[index]);
      if (!request.ok) throw new Error(JSON.stringify(request.problems));
      // what a gateway sends on is told by the decider, which puts whole calls together
      const { forwards: _, ...own } = expected;
      expect.soft(toAnswer(request.value, decideNaively(world, request.value)), name).toMatchObject(own);
      // the symbolic evaluator begins behind the network, where callers are certificates
      if (request.value.caller.kind === 'workload') continue;
      expect.soft(symbolic.tryAllow(request.value), name).toBe(expected.verdict === 'allow');
    }
  });

  test('the command line gives the same answers', async () => {
    const answers = await decideByCli(
      file,
      json.map((each) => JSON.stringify(each)),
    );
    expect(answers).toMatchObject(requests.map(({ name, expected }) => ({ id: name, ...expected })));
  });
});
