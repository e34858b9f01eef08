/** The door of the analysis: YAML's model in, decisions out. */
export { type Answer, toAnswer } from './answer.ts';
export { compile, type Decider, type InboundDecider } from './compile.ts';
export { parseRequest } from './parse-request.ts';
export { PROFILES, type Profile, type ProfileName } from './profile.ts';
export type { Request } from './request.ts';
export { type IssuerKeys, keysOf } from './token.ts';
