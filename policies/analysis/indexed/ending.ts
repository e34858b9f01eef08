/** A verdict that does not depend on rules, made once for callers that get an HTTP answer and once for others. */
import type { Listener } from '../listener.ts';
import type { Request } from '../request.ts';
import { type DecidingRule, type Verdict, type VerdictCode, verdict } from '../verdict.ts';

/** What an ending is made of. */
export interface EndingParts {
  readonly listener: Listener;
  readonly assumptions: readonly string[];
  readonly rule?: DecidingRule;
  readonly detail?: string;
}

/** Both forms of one verdict. */
export class Ending {
  readonly #answered: Verdict;
  readonly #cut: Verdict;

  constructor(code: VerdictCode, { listener, ...parts }: EndingParts) {
    const isTcp = listener.kind !== 'unguarded' && listener.protocol === 'tcp';
    this.#cut = verdict(code, { ...parts, answers: 'nothing' });
    this.#answered = isTcp ? this.#cut : verdict(code, { ...parts, answers: 'http' });
  }

  /** The verdict for a request. */
  of(request: Request): Verdict {
    return request.http === null ? this.#cut : this.#answered;
  }
}
