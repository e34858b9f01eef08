import { describe, expect, test } from 'vitest';
import { batchesOf } from '#services/order/batches.ts';

async function* sending(items: readonly number[], end: Promise<void> = Promise.resolve()) {
  yield* items;
  await end;
}

async function gathered<T>(batches: AsyncIterable<readonly T[]>): Promise<readonly (readonly T[])[]> {
  const all: (readonly T[])[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

describe('the batches of a stream', () => {
  test('hold everything in its order, and no more than allowed each', async () => {
    expect(await gathered(batchesOf(sending([1, 2, 3, 4, 5]), 2))).toEqual([[1, 2], [3, 4], [5]]);
  });

  test('do not wait for more than the first item', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const batches = batchesOf(sending([1, 2], promise), 10);
    expect(await batches.next()).toEqual({ done: false, value: [1, 2] });
    resolve();
    expect((await batches.next()).done).toBe(true);
  });

  test('end with the failure of the stream, after what came before it', async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    const batches = batchesOf(sending([1], promise), 10);
    reject(new Error('broken'));
    expect((await batches.next()).value).toEqual([1]);
    await expect(batches.next()).rejects.toThrow('broken');
  });

  test('can be left while the stream is silent', async () => {
    const never = new Promise<void>(() => {});
    for await (const batch of batchesOf(sending([1], never), 10)) {
      expect(batch).toEqual([1]);
      break;
    }
    await expect(async () => {
      for await (const _ of batchesOf(sending([1], never), 10)) throw new Error('out of the loop');
    }).rejects.toThrow('out of the loop');
  });
});
