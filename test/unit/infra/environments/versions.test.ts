import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kind } from '#infra/environments/kind.ts';
import * as pins from '#infra/environments/versions.ts';
import { readDocuments } from '#policies/language/document.ts';
import { at } from '../../../support/manifest-object.ts';

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

describe('the pins', () => {
  const images = Object.entries(pins).flatMap(([name, pin]) =>
    typeof pin === 'object' && 'repository' in pin ? [{ name, pin }] : [],
  );

  test.for(images)('$name is an exact tag, and says whether its digest was verified', ({ pin }) => {
    expect(pin.tag).toMatch(/^v?\d+\.\d+/);
    expect(pin.verified).toBe(pin.digest === undefined ? 'digest not verified' : 'digest verified');
  });

  test('are those of kind-config.yaml', () => {
    const [document] = readDocuments('kind-config.yaml', read('kind-config.yaml')).documents;
    expect(at(document?.value, 'nodes', 0, 'image')).toBe(pins.imageReference(pins.kindNodeImage));
    expect(read('kind-config.yaml')).toContain(`kind ${pins.kindVersion.replace(/\.0$/, '')}`);
  });

  test("lead the node's mapped port to the ingress gateway", () => {
    const [document] = readDocuments('kind-config.yaml', read('kind-config.yaml')).documents;
    const { exposure } = kind.ingress;
    expect(at(document?.value, 'nodes', 0, 'extraPortMappings', 0)).toMatchObject({
      containerPort: exposure.kind === 'nodePort' ? exposure.nodePort : undefined,
      listenAddress: '127.0.0.1',
    });
  });

  test('make the meshes of all environments the pinned Istio', () => {
    expect(pins.istioVersion).toMatch(/^1\.31\.\d+$/);
    expect(pins.kubernetesVersion).toBe('1.36.1');
  });
});

describe('the committed public key', () => {
  const [key] = (JSON.parse(read('infra/environments/production.jwks.json')) as { keys: Record<string, string>[] })
    .keys;

  test('is a point of the curve', () => {
    expect(createPublicKey({ key: key as never, format: 'jwk' }).asymmetricKeyType).toBe('ec');
  });

  test('was hashed from a sentence, so that nobody can know its private half', () => {
    const x = createHash('sha256').update('meshwright: a public key without a private half, 0').digest('base64url');
    expect(key?.['x']).toBe(x);
  });
});
