/** Tensors that are needed at once never share memory. */

import { expect, test } from "vitest";
import { type Lifetime, planMemory } from "../../engine/plan.ts";

test("two that live at once lie apart, and others may share", () => {
  const lifetimes: Lifetime[] = Array.from({ length: 40 }, (_, index) => ({
    tensors: [index],
    bytes: 1 + ((index * 7919) % 997),
    from: index,
    to: index + 1 + ((index * 31) % 5),
  }));
  const { offsets, bytes } = planMemory(lifetimes);
  const end = ({ tensors: [tensor], bytes: length }: Lifetime) => (offsets.get(tensor) as number) + length;
  for (const [index, one] of lifetimes.entries()) {
    expect(end(one)).toBeLessThanOrEqual(bytes);
    for (const other of lifetimes.slice(index + 1)) {
      const areApart =
        end(one) <= (offsets.get(other.tensors[0]) as number) || end(other) <= (offsets.get(index) as number);
      if (other.from <= one.to) expect(areApart).toBe(true);
    }
  }
  expect(bytes).toBeLessThan(lifetimes.reduce((sum, lifetime) => sum + lifetime.bytes, 0) / 3);
});

test("a tensor that takes the place of another lies where that lay", () => {
  const { offsets } = planMemory([{ tensors: [3, 5], bytes: 8, from: 0, to: 2 }]);
  expect(offsets.get(5)).toBe(offsets.get(3));
});
