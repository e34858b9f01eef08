/** The faults in the order in which they are tried. */
import type { Fault } from '../fault.ts';
import { agentDown } from './agent-down.ts';
import { authorityRotation, certificateExpiry } from './certificates.ts';
import { fullVolume } from './full-volume.ts';
import { istiodDown } from './istiod-down.ts';
import { jaegerDown } from './jaeger-down.ts';
import { killsInSaga } from './kill-in-saga.ts';
import { killServices } from './kill-service.ts';
import { latencies } from './latency.ts';
import { partition } from './partition.ts';
import { policySwaps } from './policy-swaps.ts';
import { postgresRestart } from './postgres-restart.ts';
import { revokedStream } from './revoked-stream.ts';
import { slowReader } from './slow-reader.ts';

/** Every fault. */
export const faults: readonly Fault[] = [
  ...killServices,
  ...killsInSaga,
  postgresRestart,
  istiodDown,
  jaegerDown,
  partition,
  ...latencies,
  slowReader,
  policySwaps,
  revokedStream,
  authorityRotation,
  certificateExpiry,
  agentDown,
  fullVolume,
];
