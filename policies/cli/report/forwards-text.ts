/** What becomes of a call behind the gateway that it is for, as text: each hop is decided as a call of its own. */
import type { Answer, ForwardAnswer } from '../../analysis/answer.ts';
import type { Paint } from './paint.ts';

type Forwarding = Pick<Answer, 'forwards'>;

/** Whether what a gateway forwards gets through: `mixed` where its destinations answer differently. */
export type Beyond = 'nothing' | 'open' | 'stopped' | 'mixed' | 'unknown';

/** How the requests end that a gateway sends on; copies do not count, since nobody sees their answers. */
export function beyond({ forwards = [] }: Forwarding): Beyond {
  const ends = new Set(forwards.filter(({ kind }) => kind === 'request').map(endOf));
  const [only] = ends;
  if (only === undefined) return 'nothing';
  return ends.size === 1 ? only : 'mixed';
}

function endOf({ answer }: ForwardAnswer): Exclude<Beyond, 'nothing'> {
  if (answer === null) return 'unknown';
  if (answer.verdict === 'deny') return 'stopped';
  const further = beyond(answer);
  return further === 'nothing' ? 'open' : further;
}

/** What the caller of an allowed call sees in the end. */
export function seenThrough(answer: Forwarding): string {
  switch (beyond(answer)) {
    case 'nothing':
    case 'open':
      return 'the answer of the application';
    case 'unknown':
    case 'stopped':
    case 'mixed':
      return [...new Set((answer.forwards ?? []).filter(({ kind }) => kind === 'request').map(seenAt))].join(', or ');
  }
}

function seenAt({ host, answer, undecided }: ForwardAnswer): string {
  if (undecided !== undefined) return `what \`${host}\` says, which is not decided`;
  if (answer === null) return `the answer of \`${host}\`, which the manifests do not hold`;
  if (answer.verdict === 'allow') return seenThrough(answer);
  // a connection that is cut behind the gateway is one that it could not use
  const { http, grpc } = answer.status ?? { http: 503, grpc: 14 };
  return `HTTP ${http}, gRPC ${grpc} (passed on by the gateway)`;
}

/** The section of the hops, nothing where nothing is forwarded. */
export function forwardLines({ forwards = [] }: Forwarding, paint: Paint): readonly string[] {
  if (forwards.length === 0) return [];
  return [
    '',
    'Behind the gateway, each hop decided as a call of its own:',
    ...forwards.flatMap((forward) => hopLines(forward, paint, '  ')),
  ];
}

function hopLines(forward: ForwardAnswer, paint: Paint, indent: string): readonly string[] {
  const { kind, host, port, destination, http, answer, undecided } = forward;
  const copy = kind === 'copy' ? 'a copy to ' : '';
  if (answer === null || destination === null)
    return [
      `${indent}?     ${copy}${host}:${port}: ${undecided ?? 'no workload of the manifests is known to take it'}`,
    ];
  const mark = answer.verdict === 'allow' ? 'ok  ' : paint('bad', 'STOP');
  const asked = http === null ? 'bytes as they came' : `${http.method} ${http.path} (host ${http.host})`;
  const name = `${destination.namespace}/${destination.workload}:${destination.port}`;
  return [
    `${indent}${mark}  ${copy}${name}  ${asked}`,
    `${indent}      ${answer.verdict === 'allow' ? 'allowed' : `stopped by ${answer.layer}`}: ${answer.because}`,
    ...answer.assumptions.map((assumption) => `${indent}      assumed: ${assumption}`),
    ...(answer.verdict === 'deny'
      ? [`${indent}      (to see why, explain this call with the gateway as \`source.workload\`)`]
      : []),
    ...(answer.forwards ?? []).flatMap((further) => hopLines(further, paint, `${indent}  `)),
  ];
}
