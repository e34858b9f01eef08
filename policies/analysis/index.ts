/** The door of the analysis: YAML's model in, decisions out. */
export { type Answer, explainVerdict, toAnswer } from './answer.ts';
export { type CompileOptions, compile, type Decider, type InboundDecider } from './compile.ts';
export { parseRequest } from './parse-request.ts';
export { DEFAULT_PROFILE, PROFILES, type Profile, type ProfileName } from './profile.ts';
export type { Address, Caller, HttpRequest, Request, Token, WorkloadReference } from './request.ts';
export { type IssuerKeys, keysOf } from './token.ts';
export type { DecidingRule, Layer, Status, Verdict } from './verdict.ts';
