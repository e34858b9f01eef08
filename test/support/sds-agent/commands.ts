/** What the stand-in is told while it runs, over a socket of its own: `rotate`, its three steps, and `status`. */
import { rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { Agent } from './agent.ts';

/** Told to a running agent. */
export const commandNames = ['status', 'prepare', 'activate', 'retire', 'rotate'] as const;

/** One of them. */
export type Command = (typeof commandNames)[number];

/** True iff `text` names a command. */
export function isCommand(text: string | undefined): text is Command {
  return commandNames.some((name) => name === text);
}

const pollMs = 20;

/** Waits until every proxy took what was last sent to it. Errors: throws after `deadlineMs`. */
async function taken(agent: Agent, deadlineMs: number): Promise<void> {
  const endsAt = Date.now() + deadlineMs;
  while (agent.report().some(({ isTaken }) => !isTaken)) {
    if (Date.now() > endsAt) throw new Error('a proxy did not take what it was sent');
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

const deadlineMs = 20_000;

async function obey(agent: Agent, command: Command): Promise<void> {
  if (command === 'prepare' || command === 'rotate') await agent.prepareAuthority();
  if (command === 'rotate') await taken(agent, deadlineMs);
  if (command === 'activate' || command === 'rotate') await agent.activateAuthority();
  if (command === 'rotate') await taken(agent, deadlineMs);
  if (command === 'retire' || command === 'rotate') agent.retireAuthorities();
  if (command !== 'status') await taken(agent, deadlineMs);
}

/** Takes commands on `socket`; `done` is called after each that changed something. */
export async function takeCommands(agent: Agent, socket: string, done: () => void): Promise<Server> {
  await rm(socket, { force: true });
  const server = createServer((incoming, outgoing) => {
    const command = incoming.url?.slice(1);
    if (!isCommand(command)) {
      outgoing.writeHead(404).end();
      return;
    }
    obey(agent, command)
      .then(() => {
        if (command !== 'status') done();
        outgoing.end(JSON.stringify(agent.report()));
      })
      .catch((error: Error) => outgoing.writeHead(500).end(error.message));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return server;
}

/** Tells a running agent one command and gives its report, as JSON text. Errors: rejects with the agent's words. */
export function tell(socket: string, command: Command): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket, path: `/${command}`, method: 'POST' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    asked.on('error', reject).end();
  });
}
