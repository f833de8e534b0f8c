/** Checks that every node undergoes at import, whatever its operator. */
import type { Shape } from '../ir/tensor-graph.ts';
import type { NodeView } from './node-view.ts';
import type { Operator, Refusal } from './operator.ts';
import { sizeOf } from './shapes.ts';
import { MAX_ELEMENTS, MAX_RANK } from '../../onnx/tensor-data.ts';

/** Number and presence of inputs, and no attribute that the description does not know. */
export function checkInputs(view: NodeView<Operator>): void {
  const { node, operator } = view;
  const [least, most] = operator.inputs;
  const count = node.inputs.length;
  if (count < least || count > most) {
    view.fail(
      'INVALID_NODE',
      `it has ${count} inputs, where ${least === most ? least : `${least} to ${most}`} are expected`,
    );
  }
  for (let index = 0; index < least; index++) {
    if (!view.hasInput(index)) view.fail('INVALID_NODE', `input ${index} is required`);
  }
  if (node.outputs.length === 0) view.fail('INVALID_NODE', 'it has no output');
  for (const name of Object.keys(node.attributes)) {
    if (!Object.hasOwn(operator.attributes, name)) {
      view.fail(
        'UNSUPPORTED_ATTRIBUTE',
        `attribute ${name} is not known`,
        'export with an older operator set',
      );
    }
  }
}

/** Inputs that would have to be constant and are not. */
export function parameterRefusals(view: NodeView<Operator>): Refusal[] {
  return view.operator.parameters
    .filter((index) => view.isEncrypted(index) && !['Shape', 'Size'].includes(view.node.op))
    .map((index) => ({
      reason: `input ${index} ('${view.inputName(index)}') must be known at compile time`,
      suggestion: 'make it an initializer of the model, or bind it with --bind NAME=FILE',
    }));
}

/** A shape that an operator inferred, if it is one that we are ready to hold. */
export function checkedShape(view: NodeView, shape: Shape): Shape {
  if (shape.length > MAX_RANK) view.fail('INVALID_SHAPE', `its output would have ${shape.length} dimensions`);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    view.fail('INVALID_SHAPE', `its output would have shape [${shape.join(', ')}]`);
  }
  if (sizeOf(shape) > MAX_ELEMENTS) {
    view.fail(
      'TENSOR_TOO_LARGE',
      `its output of shape [${shape.join(', ')}] exceeds ${MAX_ELEMENTS} elements`,
    );
  }
  return shape;
}
