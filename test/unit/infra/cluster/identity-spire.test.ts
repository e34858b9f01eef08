import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Run } from '#infra/cluster/command.ts';
import { installIssuer } from '#infra/cluster/identity-spire.ts';

let folder: string;
let commands: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshwright-issuer-'));
  commands = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Notes what would be run; what is applied is noted by its names. */
const noting =
  (failsAt?: string): Run =>
  async (program, args, options) => {
    const names = [...(options?.input ?? '').matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
    const line = [program, ...args.filter((arg) => !arg.startsWith('--')), ...names].join(' ');
    commands.push(line);
    return { code: failsAt !== undefined && line.includes(failsAt) ? 1 : 0, stdout: '', stderr: 'refused' };
  };

const object = (kind: string, name: string): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n  namespace: spire-system\n`;

const install = (run: Run) =>
  installIssuer({ run, context: 'ctx', node: { run, cluster: 'c', nodeContainer: 'c-control-plane' }, folder });

describe('bringing an issuer', () => {
  beforeEach(() => {
    writeFileSync(join(folder, '50-node.yaml'), object('DaemonSet', 'agent'));
    writeFileSync(join(folder, '00-definitions.yaml'), object('CustomResourceDefinition', 'ids'));
    writeFileSync(join(folder, '70-registrations.yaml'), object('ClusterSPIFFEID', 'order'));
  });

  test('applies file after file, each only when definitions are served and pods run', async () => {
    expect(await install(noting())).toBe(3);
    expect(commands.filter((line) => line.startsWith('kubectl'))).toEqual([
      'kubectl ctx apply ids',
      'kubectl ctx wait crd/ids',
      'kubectl ctx apply agent',
      'kubectl ctx rollout status spire-system daemonset/agent',
      'kubectl ctx apply order',
    ]);
  });

  test('registers nobody behind an agent that does not run', async () => {
    await expect(install(noting('daemonset/agent'))).rejects.toThrow('daemonset/agent');
    expect(commands.at(-1)).toContain('rollout status');
  });
});
