/**
 * Bringing the platform up or down failed for a reason that the person in front of it can act on.
 * Shape: `message` says what failed, `reasons` the cluster's or the tool's own words, a line each.
 */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly reasons: readonly string[];

  constructor(message: string, reasons: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.reasons = reasons;
  }
}

/** What was given cannot be used (exit code 3): every problem at once, a line each. */
export class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}
