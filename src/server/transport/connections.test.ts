import { expect, it, vi } from 'vitest';
import { Connections } from './connections.ts';

function world() {
  const connections = new Connections({ connections: 4, connectionsPerOrigin: 2 });
  const closed: string[] = [];
  let count = 0;
  const open = (address: string, shared = false) => {
    const name = `${address}${count++}`;
    return connections.open(address, shared, () => closed.push(name));
  };
  return { open, closed };
}

it('are bounded for each address, and counted until they end', () => {
  const { open, closed } = world();
  const first = open('a');
  expect(open('a')).not.toBeNull();
  expect(open('a')).toBeNull();
  first!.left();
  first!.left();
  expect(open('a')).not.toBeNull();
  expect(open('a')).toBeNull();
  expect(closed).toEqual([]);
});

it('of the address that has most make room for one that has fewer, the oldest first', () => {
  const { open, closed } = world();
  for (const address of ['a', 'a', 'b', 'b']) open(address);
  expect(open('c')).not.toBeNull();
  expect(closed).toEqual(['a0']);
  expect(open('d')).not.toBeNull();
  expect(closed).toEqual(['a0', 'b2']);
  // Now all have one each.
  expect(open('d')).toBeNull();
  expect(open('e')).not.toBeNull();
  expect(closed).toHaveLength(3);
});

it('do not where clients were recognised on them', () => {
  const { open, closed } = world();
  const [first, , other, last] = ['a', 'a', 'b', 'b'].map((address) => open(address));
  first!.keep();
  other!.keep();
  expect(open('c')).not.toBeNull();
  expect(closed).toEqual(['a1']);
  last!.keep();
  expect(open('d')).not.toBeNull();
  expect(closed).toEqual(['a1', 'c4']);
  // Whose clients have connections is no worse off for it.
  expect(open('a')).not.toBeNull();
  expect(closed).toEqual(['a1', 'c4', 'd5']);
  expect(open('a')).toBeNull();
});

it('of a proxy are many callers’, and make no room', () => {
  const { open, closed } = world();
  for (let i = 0; i < 4; i++) expect(open('proxy', true)).not.toBeNull();
  expect(open('proxy', true)).toBeNull();
  expect(open('a')).toBeNull();
  expect(closed).toEqual([]);
});

it('that were closed for room do not count when they end', () => {
  const connections = new Connections({ connections: 2, connectionsPerOrigin: 2 });
  const close = vi.fn();
  const first = connections.open('a', false, close)!;
  connections.open('a', false, close);
  expect(connections.open('b', false, close)).not.toBeNull();
  expect(close).toHaveBeenCalledOnce();
  first.left();
  expect(connections.open('b', false, close)).toBeNull();
});
