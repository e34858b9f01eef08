/** What is wrong with an environment's values, judged before anything is rendered from them. */
import type { Environment, Identity } from './environments/index.ts';

/** One wrong value of an environment. */
export interface EnvironmentProblem {
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

const trustDomainPattern = /^[a-z0-9._-]{1,255}$/;
const lifetimePattern = /^([1-9][0-9]*)([hms])$/;

function lifetime(what: string, text: string): readonly EnvironmentProblem[] {
  if (lifetimePattern.test(text)) return [];
  const message = `${what} \`${text}\`: expected a whole number of hours, minutes or seconds`;
  return [{ code: 'identity/lifetime', message, help: 'write `1h`, `30m` or `90s`' }];
}

function checkIdentity(identity: Identity): readonly EnvironmentProblem[] {
  if (identity.kind === 'istio') return [];
  const { installation, leafLifetime } = identity;
  const problems = [...lifetime('lifetime of a leaf', leafLifetime)];
  if (installation.kind === 'rendered')
    return [...problems, ...lifetime('lifetime of the authority', installation.authority.lifetime)];
  const { className, socketFile } = installation;
  if (socketFile === 'socket' || socketFile === '' || socketFile.includes('/')) {
    problems.push({
      code: 'identity/socket',
      message: `socket file \`${socketFile}\`: expected a file name other than Istio's own \`socket\``,
      help: 'under its own name a proxy that finds no agent quietly takes a certificate of istiod instead of failing',
    });
  }
  if (className === '') {
    problems.push({
      code: 'identity/class',
      message: 'class of the controller manager: expected a name, got none',
      help: "read it with `kubectl get clusterspiffeid -o jsonpath='{.items[*].spec.className}'`",
    });
  }
  return problems;
}

function checkTrust({ trustDomain, federation, identity }: Environment): readonly EnvironmentProblem[] {
  const problems: EnvironmentProblem[] = [];
  const names = [trustDomain, ...federation.map((domain) => domain.trustDomain)];
  for (const name of names.filter((each) => !trustDomainPattern.test(each))) {
    const message = `trust domain \`${name}\`: expected lower-case letters, digits, dots, hyphens and underscores`;
    problems.push({ code: 'trust/name', message, help: 'a trust domain is written like a DNS name: `trading.local`' });
  }
  for (const name of names.filter((each, index) => names.indexOf(each) !== index)) {
    const message = `trust domain \`${name}\`: named twice`;
    problems.push({ code: 'trust/twice', message, help: 'federation is with other trust domains, each named once' });
  }
  if (federation.length > 0 && identity.kind === 'istio') {
    problems.push({
      code: 'trust/no-exchange',
      message: 'federation with istiod as issuer: expected identity `spire`, whose servers exchange their roots',
      help: "set identity to `{ kind: 'spire', … }`, or federation to []",
    });
  }
  return problems;
}

/** Every wrong value of an environment; empty when it can be rendered. */
export function environmentProblems(environment: Environment): readonly EnvironmentProblem[] {
  return [...checkTrust(environment), ...checkIdentity(environment.identity)];
}
