import type { Fault } from '../fault.ts';
import { QuoteReader } from '../quote-reader.ts';

const watchMs = 15_000;
const memoryLimitBytes = 256 * 1024 * 1024;

/** One reader of quotes stops reading; the market and the other readers must not wait for it. */
export const slowReader: Fault = {
  name: 'slow-reader',
  title: 'a reader of quotes stops reading its socket',
  run: async (stage, stand) => {
    const { cluster } = stand;
    const traffic = await stand.startTraffic(50);
    const [slow, healthy] = [await QuoteReader.open(stand), await QuoteReader.open(stand)];
    try {
      await stage.inject(async () => slow.pause());
      const [slowAt, injectedAtMs] = [slow.received(), performance.now()];
      await stage.detected(
        'the other reader is ahead',
        () => healthy.received() > slow.received() && slow.received() === slowAt,
      );
      await stand.pass(traffic, watchMs);
      const failed = traffic.failedSince(injectedAtMs).length;
      stage.expect(
        'orders go on',
        failed === 0 && traffic.passedSince(injectedAtMs) > 0,
        traffic.describeSince(injectedAtMs),
      );
      stage.expect(
        'the other reader goes on',
        healthy.received() > 0 && healthy.isOpen(),
        `${healthy.received()} quotes read by it, ${slow.received()} by the slow one`,
      );
      for (const [namespace, name] of [
        ['trading', 'market-data'],
        ['edge', 'gateway'],
      ] as const) {
        const place = await cluster.place(namespace, name);
        const bytes = Number(await cluster.access.exec(place, ['node', '-e', memoryProgram]));
        stage.expect(
          `memory of \`${name}\` is bounded`,
          bytes > 0 && bytes < memoryLimitBytes,
          `${(bytes / 1024 / 1024).toFixed(0)} MiB of ${memoryLimitBytes / 1024 / 1024} MiB`,
        );
      }
      const before = slow.received();
      await stage.heal(async () => slow.resume());
      await stage.recovered(
        'it reads again, or was cut off and told so',
        () => slow.received() > before || !slow.isOpen(),
      );
    } finally {
      slow.close();
      healthy.close();
    }
    await stand.settle(stage, traffic);
  },
};

// The memory of the container's control group, in version 2 or 1 of the interface.
const memoryProgram = `const fs = require('fs');
for (const file of ['/sys/fs/cgroup/memory.current', '/sys/fs/cgroup/memory/memory.usage_in_bytes'])
  if (fs.existsSync(file)) { process.stdout.write(fs.readFileSync(file, 'utf8').trim()); break; }`;
