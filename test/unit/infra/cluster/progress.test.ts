import { expect, test } from 'vitest';
import { Progress } from '#infra/cluster/progress.ts';

function progressOf(clock: { ms: number }) {
  const lines: string[] = [];
  return {
    lines,
    progress: new Progress(
      (line) => lines.push(line),
      () => clock.ms,
    ),
  };
}

test('a stage is a line with the time since the beginning, its outcome and its own time', async () => {
  const clock = { ms: 5000 };
  const { lines, progress } = progressOf(clock);
  const value = await progress.stage('istio', async (say) => {
    clock.ms += 1500;
    say('waiting for istiod');
    clock.ms += 1000;
    return ['installed', 42];
  });
  expect(value).toBe(42);
  expect(lines).toEqual([
    '   1.5 s  istio                … waiting for istiod',
    '   2.5 s  istio                installed (2.5 s)',
  ]);
});

test('a stage that fails is named, and its failure passed on', async () => {
  const { lines, progress } = progressOf({ ms: 0 });
  const failure = progress.stage('istio', () => Promise.reject(new Error('no room')));
  await expect(failure).rejects.toThrow('no room');
  expect(lines).toEqual(['   0.0 s  istio                FAILED']);
});
