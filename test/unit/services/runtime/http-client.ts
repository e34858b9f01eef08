import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

/** What came back over HTTP. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What to ask of a service. */
export interface HttpAsk {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

/** Sends a request to `unix:/path` or `host:port`, and gives the answer as soon as its head is there. */
export function open(address: string, { method = 'GET', path, headers = {}, body }: HttpAsk): Promise<IncomingMessage> {
  const [host, port] = address.split(':');
  const target = address.startsWith('unix:') ? { socketPath: address.slice(5) } : { host, port };
  return new Promise((resolve, reject) => {
    const sent = request({ ...target, method, path, headers: { ...headers }, agent: false }, resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Sends a request and reads the whole answer. */
export async function ask(address: string, question: HttpAsk): Promise<HttpReply> {
  const answer = await open(address, question);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() };
}
