import { describe, expect, test } from 'vitest';
import { clientKeyOf } from '#services/gateway/client-address.ts';

describe('the key of a client', () => {
  test.for([
    { name: 'is the only entry', given: '192.0.2.7', key: '192.0.2.7' },
    { name: 'is the last entry, not what the client claimed', given: '10.0.0.1, 192.0.2.7', key: '192.0.2.7' },
    { name: 'is the last entry of the last header', given: ['10.0.0.1', '10.0.0.2, 192.0.2.7'], key: '192.0.2.7' },
    { name: 'is the IPv4 address behind a mapped one', given: '::ffff:192.0.2.7', key: '192.0.2.7' },
    { name: 'is the network of an IPv6 client', given: '2001:db8:1:2:3:4:5:6', key: '2001:db8:1:2::/64' },
    { name: 'is shared by all without the header', given: undefined, key: 'unknown' },
    { name: 'is shared by all whose entry is no address', given: 'drop table', key: 'unknown' },
    { name: 'is shared by all whose last entry is empty', given: '192.0.2.7,', key: 'unknown' },
  ])('$name', ({ given, key }) => {
    expect(clientKeyOf(given)).toBe(key);
  });

  test('is the same wherever in its own network an IPv6 client sits, and another one outside', () => {
    expect(clientKeyOf('2001:db8::1')).toBe(clientKeyOf('2001:db8::ffff'));
    expect(clientKeyOf('2001:db8::1')).not.toBe(clientKeyOf('2001:db8:0:1::1'));
  });
});
