/**
 * A part of the local mesh cannot start for a reason that the person in front of it can repair.
 * Shape: `message` says what is wrong (lower case, no full stop), `repair` what to do about it.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly repair: string;

  constructor(message: string, repair: string, options?: ErrorOptions) {
    super(message, options);
    this.repair = repair;
  }
}
