/**
 * The exit codes of every command: 0 the question was answered and holds, 1 the tool failed, 2 refuted with a
 * counterexample, 3 the input is invalid (arguments, files, documents or request lines).
 */
export const EXIT_CODES = { holds: 0, toolFailed: 1, refuted: 2, inputInvalid: 3 } as const;

/** One of `EXIT_CODES`. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
