import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exitCodes, main, type SynthesisRun } from '#infra/main.ts';
import { catalog } from '#services/catalog.ts';

const keys = readFileSync(new URL('../../../infra/environments/production.jwks.json', import.meta.url), 'utf8');

let root = '';
let out: string[] = [];
let err: string[] = [];
const run = (more: Partial<SynthesisRun> = {}): number =>
  main({ root, out: (text) => out.push(text), err: (text) => err.push(text), ...more });

function place(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'meshwright-synth-'));
  out = [];
  err = [];
  place('infra/environments/production.jwks.json', keys);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('make synth', () => {
  test('writes manifests, the IstioOperator file and the intent of every environment, and nothing else', () => {
    place('.meshwright/keys/jwks.json', keys);
    expect(run()).toBe(exitCodes.holds);
    expect(readdirSync(join(root, 'dist')).sort()).toEqual(['kind', 'kind-spire', 'kind-spire-issuer', 'production']);
    expect(readdirSync(join(root, 'dist/kind')).sort()).toEqual(['intent.json', 'istio.yaml', 'manifests']);
    expect(err).toEqual([]);
  });

  test('removes what an earlier run left behind', () => {
    place('.meshwright/keys/jwks.json', keys);
    place('dist/kind/manifests/gone/00-namespace.yaml', 'kind: Namespace\n');
    run();
    expect(readdirSync(join(root, 'dist/kind/manifests'))).not.toContain('gone');
  });

  test('without the public keys says which file is missing and how to make it, with exit code 3, and writes nothing', () => {
    expect(run()).toBe(exitCodes.inputInvalid);
    expect(err.join('')).toContain('.meshwright/keys/jwks.json: jwks/missing');
    expect(err.join('')).toContain('node infra/local/main.ts keys');
    expect(readdirSync(root)).not.toContain('dist');
  });

  test('a broken declaration is exit code 3, with the file and the construct of every problem', () => {
    place('.meshwright/keys/jwks.json', keys);
    const broken = catalog.map((service) =>
      service.name === 'market-data' ? { ...service, contracts: [], scaling: 'stateless' as const } : service,
    );
    expect(run({ catalog: broken })).toBe(exitCodes.inputInvalid);
    expect(err.join('')).toMatch(
      /services\/market-data\/service\.ts \(construct trading\/market-data\): construct\/shape: expected at least one contract/,
    );
    expect(err.join('')).toMatch(/services\/gateway\/service\.ts:\d+ .*call\/unknown-target/);
  });

  test('loads no gRPC', () => {
    const script = `
      import { registerHooks } from 'node:module';
      const seen = [];
      registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
      await import('./infra/synthesize.ts');
      process.stdout.write(String(seen.filter((url) => url.includes('@grpc/')).length + ' of ' + seen.length));`;
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^0 of [1-9]/);
  });
});
