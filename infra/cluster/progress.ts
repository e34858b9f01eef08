/** Where lines for the person in front of the screen go. */
export type Say = (line: string) => void;

/** How a stage ended: the words for its line, and what it made. */
export type Outcome<T> = readonly [words: string, value: T];

/** One stage of bringing something up; it may say what it does while it works. */
export type Work<T> = (say: Say) => Promise<Outcome<T>>;

const width = 20;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1).padStart(6)} s`;

/** Tells stages as they end, a line each: when (since the beginning), which, how, and how long it took. */
export class Progress {
  readonly #say: Say;
  readonly #clock: () => number;
  readonly #beganAt: number;

  /** `clock` gives milliseconds that only grow. */
  constructor(say: Say, clock: () => number = () => performance.now()) {
    this.#say = say;
    this.#clock = clock;
    this.#beganAt = clock();
  }

  /** Milliseconds since the beginning. */
  get elapsedMs(): number {
    return this.#clock() - this.#beganAt;
  }

  /** Runs one stage and gives what it made. Errors: whatever `work` throws, after a line that names the stage. */
  async stage<T>(name: string, work: Work<T>): Promise<T> {
    const beganAt = this.#clock();
    const line = (text: string): void => this.#say(`${seconds(this.elapsedMs)}  ${name.padEnd(width)} ${text}`);
    try {
      const [words, value] = await work((text) => line(`… ${text}`));
      line(`${words} (${seconds(this.#clock() - beganAt).trim()})`);
      return value;
    } catch (error) {
      line('FAILED');
      throw error;
    }
  }
}
