import { Option } from 'commander';
import { PROFILES } from '../analysis/profile.ts';

/** The option `--semantics` that every command takes: one of the profiles, `istio-1.31` by default. */
export function semanticsOption(): Option {
  return new Option('--semantics <profile>', 'the Istio version whose behaviour decides')
    .choices(Object.keys(PROFILES))
    .default('istio-1.31');
}
