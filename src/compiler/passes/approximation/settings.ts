/** The constants of the fit, found by experiment on networks with known accuracy. */
export interface ApproximationSettings {
  /** See `FitSettings`. */
  readonly uniformWeight: number;
  /** Margin of linear and quadratic polynomials: a narrow range fits better, and they grow slowly outside. */
  readonly lowDegreeMargin: number;
  /** Margin of the others: T_8(1.1) = 17, so a single value outside can derail the layers that follow. */
  readonly highDegreeMargin: number;
  /**
   * Margin of those that have no refresh before them in models that have some: what runs away there reaches no output, but for
   * range guards. Of 11,666 images at most two leave 1.25 times what 3,334 others reach, at each of the first layers of two ResNets,
   * and none 1.5 times; by Pareto tails fitted to the largest tenth, one in 10^5 does.
   */
  readonly unrefreshedMargin: number;
  /** Margin of those whose argument is refreshed first: a sine, which nothing outside can derail. */
  readonly refreshedMargin: number;
  /** Whether linear layers are re-solved at all, and on how many rows (see `RefitSettings`). */
  readonly refit: boolean;
  readonly refitRows: number;
  readonly seed: number;
}

export const DEFAULT_SETTINGS: ApproximationSettings = {
  uniformWeight: 0.02,
  lowDegreeMargin: 1.1,
  highDegreeMargin: 1.25,
  unrefreshedMargin: 1.5,
  refreshedMargin: 1.1,
  refit: true,
  refitRows: 60_000,
  seed: 0,
};
