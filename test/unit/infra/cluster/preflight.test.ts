import { describe, expect, test } from 'vitest';
import { type Machine, needsCgroupV1Consent, preflight } from '#infra/cluster/preflight.ts';

const sound: Machine = {
  engine: { kind: 'ready', version: [28, 2], cgroups: 'v2' },
  kind: { kind: 'found', version: [0, 33] },
  kubectl: { kind: 'found', version: [1, 36] },
  istioctl: { kind: 'found', version: [1, 31] },
  availableMemoryMiB: 8192,
  inotify: { instances: 8192, watches: 1_048_576 },
  gatewayPort: { number: 8443, kind: 'free' },
  node: 'absent',
};
const istio = { hub: 'registry.example/istio', tag: '1.31.0' };

interface Row {
  readonly title: string;
  readonly machine: Partial<Machine>;
  readonly what: RegExp;
  readonly fix: RegExp;
}

const rows: readonly Row[] = [
  { title: 'no engine', machine: { engine: { kind: 'missing' } }, what: /no container engine/, fix: /install Docker/ },
  {
    title: 'an engine that does not answer',
    machine: { engine: { kind: 'unreachable', because: 'permission denied' } },
    what: /does not answer: permission denied/,
    fix: /group `docker`/,
  },
  {
    title: 'an engine that is too old',
    machine: { engine: { kind: 'ready', version: [19, 3], cgroups: 'v1' } },
    what: /engine 19\.3: expected 20\.10/,
    fix: /update Docker/,
  },
  {
    title: 'control groups that nobody knows',
    machine: { engine: { kind: 'ready', version: [28, 2], cgroups: 'unknown' } },
    what: /control groups/,
    fix: /unified hierarchy/,
  },
  { title: 'no kind', machine: { kind: { kind: 'missing' } }, what: /`kind` is not on the PATH/, fix: /kind\.sigs/ },
  {
    title: 'a kind that is too old',
    machine: { kind: { kind: 'found', version: [0, 31] } },
    what: /kind 0\.31: expected 0\.32/,
    fix: /update it/,
  },
  {
    title: 'a kubectl beyond the version skew',
    machine: { kubectl: { kind: 'found', version: [1, 34] } },
    what: /kubectl 1\.34: expected 1\.35/,
    fix: /update it/,
  },
  { title: 'no istioctl', machine: { istioctl: { kind: 'missing' } }, what: /`istioctl` is not/, fix: /istio\.io/ },
  {
    title: 'an istioctl newer than the images',
    machine: { istioctl: { kind: 'found', version: [1, 32] } },
    what: /istioctl 1\.32: expected 1\.31, as ISTIO_TAG/,
    fix: /install istioctl 1\.31/,
  },
  { title: 'too little memory', machine: { availableMemoryMiB: 900 }, what: /900 MiB/, fix: /more memory/ },
  {
    title: 'few inotify instances',
    machine: { inotify: { instances: 128, watches: 1_048_576 } },
    what: /max_user_instances is 128/,
    fix: /sysctl -w fs\.inotify\.max_user_instances=512/,
  },
  {
    title: 'few inotify watches',
    machine: { inotify: { instances: 8192, watches: 8192 } },
    what: /max_user_watches is 8192/,
    fix: /sysctl -w fs\.inotify\.max_user_watches=262144/,
  },
  {
    title: 'a taken port',
    machine: { gatewayPort: { number: 8443, kind: 'taken' } },
    what: /port 8443 of 127\.0\.0\.1 is taken/,
    fix: /ss -ltnp/,
  },
];

describe('preflight', () => {
  test('says nothing about a sound machine', () => {
    expect(preflight(sound, { istio })).toEqual([]);
  });

  test.for(rows)('names $title and its fix, and nothing else', ({ machine, what, fix }) => {
    const complaints = preflight({ ...sound, ...machine }, { istio });
    expect(complaints.map((each) => each.what)).toEqual([expect.stringMatching(what)]);
    expect(complaints.map((each) => each.fix)).toEqual([expect.stringMatching(fix)]);
  });

  test('names everything at once', () => {
    const all = preflight(Object.assign({}, sound, ...rows.map(({ machine }) => machine)), { istio });
    expect(all.length).toBeGreaterThanOrEqual(7);
  });

  test.for([
    { title: 'memory', machine: { availableMemoryMiB: 900 } },
    { title: 'the port', machine: { gatewayPort: { number: 8443, kind: 'taken' as const } } },
  ])('does not ask for $title twice when our cluster runs already', ({ machine }) => {
    expect(preflight({ ...sound, ...machine, node: 'present' }, { istio })).toEqual([]);
  });

  test('believes a tool that tells no version', () => {
    const quiet: Machine = { ...sound, istioctl: { kind: 'found', version: null } };
    expect(preflight(quiet, { istio })).toEqual([]);
  });
});

describe('the consent to control groups v1', () => {
  test.for([
    { cgroups: 'v1', image: 'kindest/node:v1.36.1', needed: true },
    { cgroups: 'v1', image: 'kindest/node:v1.35.0', needed: true },
    { cgroups: 'v1', image: 'kindest/node:v1.34.3', needed: false },
    { cgroups: 'v2', image: 'kindest/node:v1.36.1', needed: false },
    { cgroups: 'v1', image: 'registry.example/node@sha256:00', needed: true },
  ] as const)('is $needed for $image on $cgroups', ({ cgroups, image, needed }) => {
    expect(needsCgroupV1Consent({ kind: 'ready', version: [28, 2], cgroups }, image)).toBe(needed);
  });
});
