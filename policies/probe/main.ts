/**
 * The probe program, run inside a pod: requests as JSON Lines on standard input, outcomes as JSON Lines on standard
 * output (`protocol.ts`), a few at once. It ends after the line `{"end":true}` or the end of input.
 *
 *     node probe.js             probes
 *     node probe.js --version   prints `meshwright-probe/1`: how a caller learns that a container holds it
 *     node probe.js --hold      waits for SIGTERM: what a pod that is only probed from runs
 */
import { createInterface } from 'node:readline';
import { probe } from './probe.ts';
import type { ProbeFault, ProbeOutcome, ProbeRequest } from './protocol.ts';

const version = 'meshwright-probe/1';
const probesAtOnce = 16;
/** How long the program waits for more input when it has nothing to do. */
const idleMs = 60_000;

const isText = (value: unknown): value is string => typeof value === 'string';

/** The request of one input line, `end`, or what is wrong with it. */
function parse(line: string): ProbeRequest | 'end' | ProbeFault {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { id: null, fault: 'the line is not JSON' };
  }
  if (typeof json !== 'object' || json === null) return { id: null, fault: 'expected an object' };
  const fields = json as Readonly<Record<string, unknown>>;
  if (fields['end'] === true) return 'end';
  const id = isText(fields['id']) ? fields['id'] : null;
  const fault = faultOf(fields);
  return fault === undefined ? (json as ProbeRequest) : { id, fault };
}

function faultOf(fields: Readonly<Record<string, unknown>>): string | undefined {
  const { id, host, port, timeoutMs, tls, protocol } = fields;
  if (!isText(id) || !isText(host)) return 'expected `id` and `host` to be strings';
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) return 'expected `port` 1 to 65535';
  if (!Number.isInteger(timeoutMs) || (timeoutMs as number) < 1) return 'expected `timeoutMs` above 0';
  if (tls !== null && !isText(tls)) return 'expected `tls` to be a server name or null';
  if (protocol === 'tcp')
    return /^([0-9a-f]{2})*$/.test(String(fields['bytes'])) ? undefined : 'expected `bytes` in hex';
  if (protocol !== 'http1' && protocol !== 'http2') return 'expected `protocol` http1, http2 or tcp';
  const texts = [fields['method'], fields['path'], fields['authority']].every(isText);
  const headers = fields['headers'];
  if (!texts || typeof headers !== 'object' || headers === null)
    return 'expected `method`, `path`, `authority` and `headers`';
  return ['none', 'emptyMessage'].includes(String(fields['body'])) ? undefined : 'expected `body` none or emptyMessage';
}

const print = (line: ProbeOutcome | ProbeFault) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Reads, probes and prints until the input ends. */
async function serve(): Promise<void> {
  const running = new Set<Promise<unknown>>();
  const lines = createInterface({ input: process.stdin });
  const idle = setTimeout(() => {
    process.stderr.write(`no input for ${idleMs / 1000} s\n`);
    lines.close();
  }, idleMs);
  for await (const line of lines) {
    idle.refresh();
    if (line.trim() === '') continue;
    const parsed = parse(line);
    if (parsed === 'end') break;
    if ('fault' in parsed) {
      print(parsed);
      continue;
    }
    const made: Promise<unknown> = probe(parsed).then((outcome) => {
      running.delete(made);
      print(outcome);
    });
    running.add(made);
    if (running.size >= probesAtOnce) await Promise.race(running);
  }
  clearTimeout(idle);
  await Promise.all(running);
  lines.close();
  process.stdin.destroy();
}

switch (process.argv[2]) {
  case '--version':
    process.stdout.write(`${version}\n`);
    break;
  case '--hold':
    process.once('SIGTERM', () => process.exit(0));
    setInterval(() => {}, 2 ** 30);
    process.stdout.write(`${version} holds\n`);
    break;
  default:
    await serve();
    // A name that nobody resolves would hold the program for as long as the system asks for it.
    process.stdout.write('', () => process.exit());
}
