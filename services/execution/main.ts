import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { runService } from '../runtime/index.ts';
import type { Clock } from './clock.ts';
import { serveMarket } from './serve.ts';
import { execution } from './service.ts';

const clock: Clock = {
  nowUnixUs: () => BigInt(Date.now()) * 1000n,
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
};

await runService(execution, async (context) => serveMarket(context, { clock, holder: randomUUID() }));
