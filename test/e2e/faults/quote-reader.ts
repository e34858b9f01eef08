/** A client that follows quotes as server-sent events, and can stop reading its socket. */
import { connect, type TLSSocket } from 'node:tls';
import { until } from './stage.ts';
import type { Stand } from './stand.ts';

const firstQuoteMs = 10_000;

/** One stream of quotes over a connection of its own. */
export class QuoteReader {
  readonly #socket: TLSSocket;
  #received = 0;
  #isOpen = true;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1').split('event: quote').length - 1;
    });
    socket.on('close', () => {
      this.#isOpen = false;
    });
    socket.on('error', () => {});
  }

  /** Opens a stream and waits for its first quote. Errors: throws when none comes. */
  static async open(stand: Stand): Promise<QuoteReader> {
    const reader = await QuoteReader.#start(stand);
    if (await until(() => reader.received() > 0, firstQuoteMs)) return reader;
    reader.close();
    throw new Error('no quote comes');
  }

  static async #start({ edge, market, mint }: Stand): Promise<QuoteReader> {
    const { host, port, address, ca } = edge;
    const [trader] = market.traders;
    const token = await mint(trader?.subject ?? '', [], ['quotes.read']);
    const socket = connect({ host: address, port, servername: host, ca, ALPNProtocols: ['http/1.1'] });
    const reader = new QuoteReader(socket);
    const path = `/quotes/${market.instruments[0].symbol}/events`;
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nauthorization: Bearer ${token}\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n`,
    );
    return reader;
  }

  /** True iff a stream of its own gets a quote; false when it is ended or silent instead. */
  static async isAdmitted(stand: Stand): Promise<boolean> {
    const reader = await QuoteReader.#start(stand);
    await until(() => reader.received() > 0 || !reader.isOpen(), firstQuoteMs);
    reader.close();
    return reader.received() > 0;
  }

  /** How many quotes were read. */
  received(): number {
    return this.#received;
  }

  /** False once the other side ended the stream. */
  isOpen(): boolean {
    return this.#isOpen;
  }

  /** Stops reading; what is sent stays in the buffers of the way. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.destroy();
  }
}
