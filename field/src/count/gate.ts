/**
 * Is this photo worth counting? Judged by its light, in integers, and by a tiny network that sees the whole photo at 160 px.
 *
 * A rejected photo is not counted; a doubtful one is counted and marked. Neither keeps a person from entering a count.
 *
 * Twin: pestwatch/vision/gate.py, held by tests/golden/gate.json.
 */

import type { Gate } from "../sync/protocol";
import type { Engine } from "./engine";
import { type Light, type Limits, measureLight } from "./light";
import { type Sizes, tiles } from "./preprocess";

type Reason = NonNullable<Gate["reason"]>;

/** What only a trap can be: where one of these applies, "not a trap" does not. */
const OF_A_TRAP: readonly Reason[] = ["too_far", "cut_off", "saturated"];

/** Light is judged at one size, whatever the phone's resolution; a small photo as it is, for enlarging blurs. */
const LIGHT_SIDE_PX = 512;

/** What must be known of a gate beside its weights: gate.json of a release. */
export interface GateSidecar {
  version: string;
  side_px: number;
  reasons: Reason[];
  threshold_q: number[];
  /** From here on a photo is rejected; 256 for a reason that never rejects. */
  reject_q: number[];
  limits: Limits;
}

/** A gate, ready to judge: its engine holds gate.tflite. */
export interface OpenGate {
  sidecar: GateSidecar;
  engine: Engine;
}

/** Judges a photo: rejected by either, else doubtful by either; the light has the first word. */
export async function judge(sizes: Sizes, { sidecar, engine }: OpenGate): Promise<Gate> {
  const light = judgeLight(lightOf(sizes), sidecar.limits);
  if (light.verdict === "rejected") return light;
  const { side_px } = sidecar;
  const [whole] = tiles(sizes.at(side_px), side_px, 0);
  const seen = judgeScores(await engine.run(whole.rgb), sidecar);
  return seen.verdict === "good" || seen.verdict === light.verdict ? light : seen;
}

/** Measures the light of a photo. */
export function lightOf(sizes: Sizes): Light {
  return measureLight(sizes.at(Math.min(LIGHT_SIDE_PX, sizes.longPx)));
}

/**
 * Judges a photo by what the network says; of several reasons that apply the one with the greatest score is named.
 *
 * A trap far away or cut off leaves much of the photo to other things: such a reason outranks that there is no trap, and the photo
 * is counted and marked.
 */
export function judgeScores(
  scores: ArrayLike<number>,
  { reasons, threshold_q, reject_q }: Pick<GateSidecar, "reasons" | "threshold_q" | "reject_q">,
): Gate {
  const showsTrap = reasons.some((reason, place) => OF_A_TRAP.includes(reason) && scores[place] >= threshold_q[place]);
  for (const [verdict, limits] of [
    ["rejected", reject_q],
    ["doubtful", threshold_q],
  ] as const) {
    let worst = -1;
    for (const [place, limit] of limits.entries()) {
      if (showsTrap && reasons[place] === "not_a_trap") continue;
      if (scores[place] >= limit && (worst < 0 || scores[place] > scores[worst])) worst = place;
    }
    if (worst >= 0) return { verdict, reason: reasons[worst] };
  }
  return { verdict: "good", reason: null };
}

/** Judges a photo by its light; the first reason that applies is named, the rejecting ones first. */
export function judgeLight(light: Light, limits: Limits): Gate {
  const fromWhite = 255 - light.mean_luma;
  const limitFromWhite = 255 - limits.bright_mean_luma;
  const clippedLimit = limits.clipped_share * light.pixels;
  if (2 * light.mean_luma < limits.dark_mean_luma) return { verdict: "rejected", reason: "too_dark" };
  if (2 * fromWhite < limitFromWhite || light.clipped > 2 * clippedLimit) {
    return { verdict: "rejected", reason: "too_bright" };
  }
  if (4 * light.blur_variance < limits.blur_variance) return { verdict: "rejected", reason: "too_blurred" };
  if (light.mean_luma < limits.dark_mean_luma) return { verdict: "doubtful", reason: "too_dark" };
  if (fromWhite < limitFromWhite || light.clipped > clippedLimit) return { verdict: "doubtful", reason: "too_bright" };
  if (light.blur_variance < limits.blur_variance) return { verdict: "doubtful", reason: "too_blurred" };
  return { verdict: "good", reason: null };
}
