/** Times this phone once per version of the app, while nobody waits for it; release/size.ts draws the conclusion. */

import { BUNDLED } from "virtual:bundled-release";
import { counter } from "../count/counter";
import type { Model } from "../count/messages";
import { keep, setting } from "../store/settings";
import { bundledModel } from "./shelf";
import { sizeChoice } from "./size";

/** Milliseconds for one tile of a model; a parameter, so that a test needs no browser. */
export type TimeWith = (model: Model) => Promise<number>;

/**
 * Times one tile of the usual size that came with the app, unless that is known or a person has chosen a size.
 *
 * @throws Problem 503.2 when the model is not on the phone yet; the abort's reason when a photo was counted meanwhile
 */
export async function timePhone(time: TimeWith = (model) => counter.time(model)): Promise<void> {
  const of = `${__APP_VERSION__} ${BUNDLED?.version}`;
  if ((await sizeChoice()) !== "automatic" || (await setting("size_timing"))?.of === of) return;
  await idle();
  // A page that nobody looks at is slowed down by the browser.
  if (globalThis.document?.visibilityState === "hidden") return;
  await keep("size_timing", { of, tile_ms: await time(await bundledModel()) });
}

/** When the page has nothing to do; Safari does not tell, there a moment must do. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve());
    else setTimeout(resolve, 1000);
  });
}
