import { setTimeout as pause } from 'node:timers/promises';
import { runService } from '../runtime/index.ts';
import type { Clock } from './clock.ts';
import { buildOrderService } from './order-service.ts';
import { orderPolicy } from './policy.ts';
import { order } from './service.ts';

const clock: Clock = {
  nowUs: () => BigInt(Date.now()) * 1000n,
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
};

await runService(order, buildOrderService(clock, orderPolicy));
