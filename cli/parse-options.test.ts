import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  activation,
  assignment,
  collect,
  dimension,
  fraction,
  naturalNumber,
  numberList,
  oneOf,
} from './parse-options.ts';

describe('option values', () => {
  it('reads what it should', () => {
    expect(naturalNumber('12')).toBe(12);
    expect(fraction('1/255')).toBe(1 / 255);
    expect(fraction('0.5')).toBe(0.5);
    expect(numberList('0.1,-2,3e-1')).toEqual([0.1, -2, 0.3]);
    expect(oneOf(128, 192)('192')).toBe(192);
    expect(dimension('N=4')).toEqual(['N', 4]);
    expect(assignment('a=b=c.npy')).toEqual(['a=b', 'c.npy']);
    expect(collect(naturalNumber)('2', [1])).toEqual([1, 2]);
    expect(activation('/a/Relu=degree:4')).toEqual(['/a/Relu', { kind: 'degree', degree: 4 }]);
    expect(activation('*=square')).toEqual(['*', { kind: 'square' }]);
    expect(activation('x=relu-composite:12')).toEqual(['x', { kind: 'relu-composite', alpha: 12 }]);
  });

  it.each([
    ['0', naturalNumber],
    ['-1', naturalNumber],
    ['1.5', naturalNumber],
    ['1/0', fraction],
    ['', fraction],
    ['1,,2', numberList],
    ['x', numberList],
    ['=1', dimension],
    ['a=', assignment],
    ['a=degree', activation],
    ['a=square:2', activation],
    ['a=degree:4:5', activation],
  ])('refuses "%s"', (text, parse) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
  });
});
