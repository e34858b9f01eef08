/**
 * The name under which a container runtime keeps an image: registry and repository in full.
 * Shape: `node:26` gives `docker.io/library/node:26`, `team/x:1` gives `docker.io/team/x:1`, `localhost/x:1` stays.
 */
export function fullReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  if (rest.length === 0) return `docker.io/library/${reference}`;
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  return isRegistry ? reference : `docker.io/${reference}`;
}
