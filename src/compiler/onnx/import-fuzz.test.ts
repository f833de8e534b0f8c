import { describe, expect, it } from 'vitest';
import { ImportError } from '../../errors.ts';
import { checkModel, importModel } from './import.ts';
import { DEFAULT_IMPORT, ModelBuilder, integers, randomTensor, tensor } from './testing/model-builder.ts';

describe('hostile files', () => {
  it('only ever throws ImportError, whatever is cut or flipped', () => {
    const bytes = new ModelBuilder(13)
      .input('x', ['N', 2, 6, 6])
      .constant('w', randomTensor([3, 2, 3, 3], 5))
      .constant('shape', integers(1, -1))
      .constant('dense', randomTensor([12, 4], 6))
      .constant('pads', integers(0, 0, 1, 1, 0, 0, 0, 0))
      .node('Pad', ['x', 'pads'], ['p'])
      .node('Conv', ['p', 'w'], ['a'], { strides: [2, 2], pads: [0, 0, 0, 0] })
      .node('Clip', ['a', '', 'six'], ['b'])
      .constant('six', tensor([], [6]))
      .node('MaxPool', ['b'], ['c'], { kernel_shape: [2, 2], ceil_mode: 1 })
      .node('Reshape', ['c', 'shape'], ['d'])
      .node('MatMul', ['d', 'dense'], ['e'])
      .node('Softmax', ['e'], ['y'])
      .output('y')
      .bytes();
    expect(checkModel(bytes, DEFAULT_IMPORT).diagnostics).toEqual([]);
    let state = 2463534242;
    const random = (limit: number): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % limit;
    };
    let refused = 0;
    for (let round = 0; round < 800; round++) {
      const mutant = round % 4 === 0 ? bytes.slice(0, random(bytes.length)) : bytes.slice();
      for (let k = random(4); k >= 0 && round % 4 !== 0; k--) {
        const at = random(mutant.length);
        mutant[at] = round % 2 === 0 ? random(256) : mutant[at]! ^ (1 << random(8));
      }
      try {
        importModel(mutant, DEFAULT_IMPORT);
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(ImportError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(300);
    expect(process.memoryUsage().rss).toBeLessThan(2 ** 30);
  });
});
