import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ServerSentEvent } from './http-contract.ts';
import { printJson } from './http-problem.ts';

const headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** A comment this often keeps idle streams open through proxies, and finds readers that are gone: milliseconds. */
const heartbeatMs = 15_000;
/** The answer's head goes out with the first event, or after this time: milliseconds. An error before it still gets its HTTP status. */
const headDelayMs = 500;

/**
 * Sends events until their end or until `signal` aborts. A slow reader slows the source down: nothing is read from it
 * while the socket's buffer is full, so memory does not grow.
 * Errors: what the source throws.
 */
export async function sendEvents(
  response: ServerResponse,
  events: AsyncIterable<ServerSentEvent>,
  signal: AbortSignal,
): Promise<void> {
  const head = setTimeout(() => openStream(response), headDelayMs);
  const heartbeat = setInterval(() => {
    if (response.headersSent && !response.writableNeedDrain) response.write(': still here\n\n');
  }, heartbeatMs);
  try {
    for await (const event of events) {
      if (signal.aborted) return;
      openStream(response);
      if (!response.write(printEvent(event))) await drained(response, signal);
      if (signal.aborted) return;
    }
  } finally {
    clearTimeout(head);
    clearInterval(heartbeat);
  }
}

/** Prints one event; text of several lines cannot break out of its field, for `data` is JSON and the rest loses its line ends. */
export function printEvent({ event, id, data }: ServerSentEvent): string {
  const fields = [
    ...(event === undefined ? [] : [`event: ${oneLine(event)}`]),
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    `data: ${printJson(data)}`,
  ];
  return `${fields.join('\n')}\n\n`;
}

/** Begins the answer unless it has begun. */
export function openStream(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(200, headers);
  response.flushHeaders();
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]+/g, ' ');
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, 'drain', { signal }).catch(() => {});
}
