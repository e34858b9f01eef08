import { StartError } from './start-error.ts';

/** What was given to a command cannot be used (exit code 3); `message` says where and what, `repair` what to do. */
export class InputError extends StartError {}
