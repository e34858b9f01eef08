/** The suite cannot run here: every reason, each with its repair. It is never a success. */
export class CannotRun extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join('; '));
    this.reasons = reasons;
  }
}
