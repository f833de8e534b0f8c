/** Polynomials that stand for |t| on [−1, 1], with what they are off by. */
import { evaluateChebyshev } from '../../approx/chebyshev.ts';
import { minimax } from '../../approx/minimax.ts';

/** Coefficients of |t| on [−1, 1] up to a degree: its Chebyshev series cut off. */
function truncatedSeries(degree: number): Float64Array {
  return Float64Array.from({ length: degree + 1 }, (_, n) => {
    if (n === 0) return 2 / Math.PI;
    if (n % 2 === 1) return 0;
    return ((n % 4 === 2 ? 4 : -4) / Math.PI) * (1 / (n * n - 1));
  });
}

/** Approximates |t| on [−1, 1]. */
export interface Shape {
  readonly degree: number;
  readonly coefficients: Float64Array;
  /** Its error at the angles π·j/(length − 1), t = cos of them: evaluating high degrees value by value would take minutes. */
  readonly errors: Float64Array;
}

/** A polynomial of degree n is a trigonometric one of the angle: so many points for each of its half periods. */
const POINTS_PER_DEGREE = 16;

function shapeOf(coefficients: Float64Array): Shape {
  const degree = coefficients.length - 1;
  const steps = POINTS_PER_DEGREE * degree;
  const errors = Float64Array.from({ length: steps + 1 }, (_, j) => {
    const t = Math.cos((Math.PI * j) / steps);
    return evaluateChebyshev(coefficients, t) - Math.abs(t);
  });
  return { degree, coefficients, errors };
}

/** What a shape is off by at t, interpolated. */
export function errorAt({ errors }: Shape, t: number): number {
  const at = (Math.acos(Math.max(-1, Math.min(1, t))) / Math.PI) * (errors.length - 1);
  const j = Math.min(Math.floor(at), errors.length - 2);
  return errors[j]! + (at - j) * (errors[j + 1]! - errors[j]!);
}

/** Of each degree asked for, made once. */
export class Shapes {
  readonly #known = new Map<number, readonly Shape[]>();

  /** Two of this degree; which is the better depends on how many windows have how many ties. */
  candidates(degree: number): readonly Shape[] {
    let shapes = this.#known.get(degree);
    if (shapes === undefined) {
      shapes = [truncatedSeries(degree), minimax(Math.abs, degree).coefficients].map(shapeOf);
      this.#known.set(degree, shapes);
    }
    return shapes;
  }
}
