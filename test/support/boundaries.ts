/**
 * Import boundaries. One principle decides them: the code that proves shares nothing with the code that
 * generates, except the language of the YAML itself. Each rule carries its reason; `test/unit/boundaries.test.ts`
 * plants a forbidden import and sees it reported, and checks that every source was visited.
 */
import type { ICruiseOptions, IForbiddenRuleType } from 'dependency-cruiser';

const allow = (name: string, comment: string, from: string, allowed: string): IForbiddenRuleType => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(infra|policies|services|test)/', pathNot: allowed },
});

/** The rules, each a flat conjunction with its reason. */
export const forbidden: readonly IForbiddenRuleType[] = [
  {
    name: 'no-cycles',
    comment: 'a cycle makes the order of initialisation, and the reading order, undefined',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'nothing-imports-test',
    comment: 'product code must not depend on what only tests need',
    severity: 'error',
    from: { path: '^(infra|policies|services)/' },
    to: { path: '^test/' },
  },
  allow(
    'declarations-are-data',
    'catalog and declarations are read by synthesis, which must load no gRPC and no service code',
    '^services/(catalog|[^/]+/service)\\.ts$',
    '^services/(gen/descriptors\\.ts|runtime/declaration\\.ts|[^/]+/service\\.ts|catalog\\.ts)$',
  ),
  allow(
    'services-are-islands',
    'a service reaches another service only over the mesh, never by import',
    '^services/(?!(?:runtime|gen|proto)/)([^/]+)/(?!service\\.ts)',
    '^services/(runtime|gen|$1)/',
  ),
  allow(
    'runtime-knows-no-service',
    'the runtime serves every service and knows none of them, nor policies, nor infra',
    '^services/runtime/',
    '^services/(runtime|gen)/',
  ),
  allow(
    'intent-reads-declarations',
    'intent joins both keys; it must not see what is rendered nor who analyses it',
    '^policies/intent/',
    '^(policies/intent/|services/(catalog|gen/descriptors|runtime/declaration|[^/]+/service)\\.ts$)',
  ),
  allow(
    'language-stands-alone',
    'the language is the only thing prover and generator share',
    '^policies/language/',
    '^policies/language/',
  ),
  allow(
    'analysis-starts-from-yaml',
    'a proof about rendered YAML may not know how it was generated',
    '^policies/analysis/',
    '^policies/(analysis|language)/',
  ),
  allow(
    'cli-reads-files-only',
    "the command line works on anybody's manifests: intent arrives as intent.json",
    '^policies/cli/',
    '^policies/((cli|analysis|language)/|probe/protocol\\.ts$)',
  ),
  allow(
    'probe-stands-alone',
    'the probe program is bundled into images and judges nothing: it may know neither policies nor services',
    '^policies/probe/',
    '^policies/probe/',
  ),
  {
    name: 'probe-needs-node-only',
    comment: 'the probe program runs in pods where nothing is installed',
    severity: 'error',
    from: { path: '^policies/probe/' },
    to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'unknown'] },
  },
  allow(
    'synthesis-does-not-prove',
    'the generator must not share code with the prover',
    '^infra/(?!(local|cluster)/)',
    '^(infra/(?!(local|cluster)/)|policies/(intent|language)/|services/(catalog|gen/descriptors|runtime/declaration|[^/]+/service)\\.ts$)',
  ),
  allow(
    'local-mesh-reads-dist',
    'the local mesh enforces the rendered YAML, so it must not see the constructs that wrote it',
    '^infra/local/',
    '^(infra/local/|policies/(language|analysis)/|services/)',
  ),
  allow(
    'cluster-applies-dist',
    'what brings a cluster up applies the rendered YAML as it is: it neither renders nor judges it',
    '^infra/cluster/',
    '^(infra/(cluster|local|environments)/|policies/language/|services/)',
  ),
  {
    name: 'analysis-is-pure',
    comment: 'analysis and language are functions of their input: no files, network or clock',
    severity: 'error',
    from: { path: '^policies/(language|analysis|intent)/' },
    to: { dependencyTypes: ['core'], pathNot: '^(node:)?(url|path)$' },
  },
  {
    name: 'declarations-load-no-grpc',
    comment: 'catalog, intent and synthesis start fast and run where no gRPC is installed',
    severity: 'error',
    from: { path: '^(services/(catalog|[^/]+/service)\\.ts|policies/|infra/(?!(local|cluster)/))' },
    to: { path: 'node_modules/@grpc/', reachable: true },
  },
];

/** How sources are read. */
export const options: ICruiseOptions = {
  doNotFollow: { path: 'node_modules' },
  exclude: { path: '^(dist|\\.meshwright)/' },
  tsPreCompilationDeps: true,
  tsConfig: { fileName: 'tsconfig.json' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'require', 'node', 'default', 'types'],
  },
};
