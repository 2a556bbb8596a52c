/**
 * How sure a count is: between what the truth lies in nine photos of ten, if photos are like those it was measured on.
 *
 * Twin: interval() in pestwatch/vision/interval.py, which says where it comes from; held by tests/golden/count.json.
 */

import type { Interval } from "../sync/protocol";

/**
 * The least and the greatest true count that go with a count.
 *
 * @param counted by the model
 * @param q of the sidecar's interval_q90
 */
export function interval(counted: number, q: number): Interval {
  const reach = q * (1 + Math.sqrt(counted));
  return [Math.max(0, Math.ceil(counted - reach)), Math.floor(counted + reach)];
}
