import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Run } from '#infra/cluster/command.ts';
import { buildServiceImages, removeOlderImages } from '#infra/cluster/service-images.ts';

let root: string;

const write = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'meshwright-images-'));
  await write('package-lock.json', '{}');
  await write('infra/cluster/bundle.ts', '');
  await write('infra/cluster/Dockerfile', 'ARG BASE\nFROM $BASE\nCOPY main.js /app/\n');
  await write('services/runtime/greeting.ts', "export const greeting: string = 'hello';\n");
  await write('services/order/main.ts', "import { greeting } from '../runtime/greeting.ts';\nconsole.log(greeting);\n");
  await write('services/risk/main.ts', 'console.log(1);\n');
});

afterEach(() => rm(root, { recursive: true }));

/** A Docker engine with images by reference; remembers how it was asked to build. */
class FakeEngine {
  readonly images = new Set<string>();
  readonly builds: (readonly string[])[] = [];
  baseId = 'sha256:base';

  readonly run: Run = async (_program, args) => {
    const last = args.at(-1) ?? '';
    const answer = (code: number, stdout = '') => ({ code, stdout, stderr: '' });
    if (args[1] === 'inspect')
      return last === 'site/node:26' ? answer(0, this.baseId) : answer(this.images.has(last) ? 0 : 1);
    if (args[0] === 'build') {
      this.builds.push(args);
      this.images.add(args[args.indexOf('--tag') + 1] ?? '');
    }
    if (args[1] === 'ls') {
      const prefix = last.replace(/^reference=/, '').replace(/\*$/, '');
      return answer(0, [...this.images].filter((image) => image.startsWith(prefix)).join('\n'));
    }
    if (args[1] === 'rm') for (const image of args.slice(2)) this.images.delete(image);
    return answer(0);
  };
}

const requests = ['order', 'risk'].map((service) => ({ service, reference: `localhost/m/${service}:0.1.0` }));
const buildIn = (engine: FakeEngine) =>
  buildServiceImages({ run: engine.run, root, state: join(root, '.state'), baseImage: 'site/node:26' }, requests);

describe('service images', () => {
  test('are built once, and not again while nothing has changed', async () => {
    const engine = new FakeEngine();
    const first = await buildIn(engine);
    const second = await buildIn(engine);
    expect(first.map(({ outcome }) => outcome)).toEqual(['built', 'built']);
    expect(second.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
    expect(second.map(({ built }) => built)).toEqual(first.map(({ built }) => built));
    expect(engine.builds).toHaveLength(2);
  });

  test('are built without a network', async () => {
    const engine = new FakeEngine();
    await buildIn(engine);
    for (const args of engine.builds) expect(args.join(' ')).toContain('--network none');
  });

  test('change their name with what they import, and no other image does', async () => {
    const engine = new FakeEngine();
    const [orderBefore, riskBefore] = await buildIn(engine);
    await write('services/runtime/greeting.ts', "export const greeting: string = 'good day';\n");
    const [order, risk] = await buildIn(engine);
    expect(order?.outcome).toBe('built');
    expect(order?.built).not.toBe(orderBefore?.built);
    expect(risk).toEqual({ ...riskBefore, outcome: 'unchanged' });
  });

  test('do not change with a comment', async () => {
    const engine = new FakeEngine();
    const before = await buildIn(engine);
    await write('services/risk/main.ts', '// a word\nconsole.log(1);\n');
    expect((await buildIn(engine)).map(({ built }) => built)).toEqual(before.map(({ built }) => built));
  });

  test('change with their base and with the Dockerfile', async () => {
    const engine = new FakeEngine();
    await buildIn(engine);
    engine.baseId = 'sha256:newer';
    expect((await buildIn(engine)).map(({ outcome }) => outcome)).toEqual(['built', 'built']);
    await write('infra/cluster/Dockerfile', 'ARG BASE\nFROM $BASE\nCOPY main.js /elsewhere/\n');
    expect((await buildIn(engine)).map(({ outcome }) => outcome)).toEqual(['built', 'built']);
  });

  test('of an interrupted run are not built twice', async () => {
    const engine = new FakeEngine();
    const [order] = requests;
    if (order === undefined) throw new Error('no request');
    const shop = { run: engine.run, root, state: join(root, '.state'), baseImage: 'site/node:26' };
    await buildServiceImages(shop, [order]);
    expect((await buildIn(engine)).map(({ outcome }) => outcome)).toEqual(['unchanged', 'built']);
  });

  test('of an earlier content are removed, the present ones stay', async () => {
    const engine = new FakeEngine();
    await buildIn(engine);
    await write('services/risk/main.ts', 'console.log(2);\n');
    const current = await buildIn(engine);
    await removeOlderImages(engine.run, current);
    expect([...engine.images].sort()).toEqual(current.map(({ built }) => built).sort());
  });

  test('of a service that does not compile fail with file and line', async () => {
    await write('services/risk/main.ts', 'const = 1;\n');
    const reasons = [expect.stringMatching(/services\/risk\/main\.ts:1/)];
    await expect(buildIn(new FakeEngine())).rejects.toMatchObject({ reasons: expect.arrayContaining(reasons) });
  });
});
