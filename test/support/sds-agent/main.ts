/**
 * The stand-in as a program of one node. Without arguments it serves; with one (`rotate`, `status`, …) it tells the one
 * that serves. Settings by environment: STATE (folder that outlives it), KUBELET (folder of the kubelet), NODE_NAME,
 * TRUST_DOMAIN, SOCKET_FILE, AUTHORITY_NAME, AUTHORITY_LIFETIME, REGISTRATIONS (JSON file), UPSTREAM (folder with
 * `ca-cert.pem` and `ca-key.pem`, '' for none).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from './agent.ts';
import { isCommand, takeCommands, tell } from './commands.ts';
import { CsiDriver, driverName, type Volume } from './csi-driver.ts';
import { type ClusterSpiffeId, durationMs } from './registrations.ts';
import type { UpstreamRoot } from './signing-authority.ts';
import type { TrustState } from './trust.ts';

/** What outlives the process. */
interface Remembered {
  readonly trust: TrustState;
  readonly volumes: readonly Volume[];
}

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`expected the setting ${name}, got nothing`);
  return value;
};

const log = (line: string): void => {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
};

function readUpstream(folder: string): UpstreamRoot | null {
  if (folder === '') return null;
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  return { certificate: read('ca-cert.pem'), privateKey: read('ca-key.pem') };
}

async function serve(): Promise<void> {
  const state = setting('STATE');
  const file = join(state, 'state.json');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Remembered) : undefined;
  const registrationsFile = setting('REGISTRATIONS');
  const agent = await Agent.start({
    trustDomain: setting('TRUST_DOMAIN'),
    socketFile: setting('SOCKET_FILE'),
    trust: {
      name: setting('AUTHORITY_NAME'),
      lifetimeMs: durationMs(setting('AUTHORITY_LIFETIME')),
      upstream: readUpstream(setting('UPSTREAM')),
    },
    ...(earlier === undefined ? {} : { state: earlier.trust }),
    registrations: () => JSON.parse(readFileSync(registrationsFile, 'utf8')) as readonly ClusterSpiffeId[],
    log,
  });
  let volumes: readonly Volume[] = [];
  const remember = (): void => {
    writeFileSync(`${file}.new`, JSON.stringify({ trust: agent.state, volumes } satisfies Remembered), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  remember();
  const kubelet = setting('KUBELET');
  const socket = join(kubelet, 'plugins', driverName, 'csi.sock');
  const driver = new CsiDriver(agent, {
    nodeId: setting('NODE_NAME'),
    socket,
    socketOnNode: socket,
    registrationSocket: join(kubelet, 'plugins_registry', `${driverName}-reg.sock`),
    remember: (present) => {
      volumes = present;
      remember();
    },
    log,
  });
  await driver.start((earlier?.volumes ?? []).filter(({ folder }) => existsSync(join(folder, '..'))));
  await takeCommands(agent, join(state, 'commands.sock'), remember);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      driver.close();
      void agent.close().then(() => process.exit(0));
    });
  }
}

const [, , command] = process.argv;
if (command === undefined) await serve();
else if (isCommand(command)) process.stdout.write(`${await tell(join(setting('STATE'), 'commands.sock'), command)}\n`);
else throw new Error(`expected a command, got \`${command}\``);
