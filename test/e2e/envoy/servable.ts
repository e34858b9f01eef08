/** Makes what was drawn for no machine in particular servable on this one. */

const isPort = (value: string | number) => ['50', '60', '70', '80', '90'].includes(String(value));
const loopback = (text: string) => (text.startsWith('10.') ? text.replace('10.', '127.') : text);

/** The same value with ports above 1024 and addresses of loopback, which anybody may bind. */
export function servable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(servable);
  if (typeof value === 'number') return isPort(value) ? value * 100 : value;
  if (typeof value === 'string') return isPort(value) ? `${value}00` : loopback(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [isPort(name) ? `${name}00` : name, servable(member)]),
  );
}
