/**
 * Groups what a stream has ready into batches of 1 to `most`, without ever waiting for more than the first of each.
 * It reads one item ahead: who stops early ends the stream itself, by its signal.
 */
export async function* batchesOf<T>(source: AsyncIterable<T>, most: number): AsyncGenerator<readonly T[], void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    let next = read(iterator);
    for (;;) {
      const first = await next;
      if (first.done === true) return;
      const batch = [first.value];
      next = read(iterator);
      for (let ready = await tryRead(next); ready !== undefined && batch.length < most; ready = await tryRead(next)) {
        if (ready.done === true) break;
        batch.push(ready.value);
        next = read(iterator);
      }
      yield batch;
    }
  } finally {
    // Not awaited: behind a read ahead it would wait for what the source may send some day.
    iterator.return?.().catch(() => {});
  }
}

function read<T>(iterator: AsyncIterator<T, unknown>): Promise<IteratorResult<T, unknown>> {
  const next = iterator.next();
  // A failure is thrown where the batch is awaited; until then it must not count as unhandled.
  next.catch(() => {});
  return next;
}

/** The next item if it is ready by the next turn of the event loop; a failure waits for the next batch. */
async function tryRead<T>(next: Promise<IteratorResult<T, unknown>>): Promise<IteratorResult<T, unknown> | undefined> {
  const later = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
  return await Promise.race([next.catch(() => undefined), later]);
}
