/** Every workload of the platform, as data. A new service is added here and nowhere else. */
import { execution } from './execution/service.ts';
import { gateway } from './gateway/service.ts';
import { ingress } from './ingress/service.ts';
import { jaeger } from './jaeger/service.ts';
import { marketData } from './market-data/service.ts';
import { order } from './order/service.ts';
import { portfolio } from './portfolio/service.ts';
import { postgres } from './postgres/service.ts';
import { risk } from './risk/service.ts';
import type { ServiceDeclaration } from './runtime/declaration.ts';

/** The declarations in the order in which the README tells the story. */
export const catalog: readonly ServiceDeclaration[] = [
  ingress,
  gateway,
  order,
  risk,
  execution,
  marketData,
  portfolio,
  postgres,
  jaeger,
];
