/** The options that several commands share, each written once. */
import { Option } from 'commander';

/** How every argument of manifests is described. */
export const SOURCES = 'folders, files or git REVISION:PATH with manifests, or - for standard input';

/** `--mesh-config`: the mesh settings, where the sources do not hold them. */
export function meshConfigOption(): Option {
  return new Option('--mesh-config <file>', 'mesh settings: MeshConfig, IstioOperator or the istio ConfigMap');
}

/** `--issuer-keys`: which keys issuers sign with. */
export function issuerKeysOption(): Option {
  return new Option('--issuer-keys <file>', 'JSON object from issuer to the JWKS it signs with');
}

/** `--format` with the formats that a command writes; text is the default. */
export function formatOption(formats: Readonly<Record<string, unknown>>): Option {
  return new Option('--format <format>', 'how to write it').choices(Object.keys(formats)).default('text');
}
