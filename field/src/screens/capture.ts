/** While the phone counts: the photo, how far it is, and a way out at every moment. */

import { photoButton, sha256Hex } from "../camera";
import type { CountOptions } from "../count/counter";
import { type Child, h } from "../elements";
import { t } from "../i18n";
import { asProblem, type Problem } from "../problem";
import { loadCounter } from "../release/arrival";
import type { Draft } from "../store/database";
import { draftOf, dropDraft, keepDraft } from "../store/draft";
import { keep } from "../store/settings";
import { type MyTrap, myTrap } from "../trap/my-traps";
import { nightsSince } from "../trap/trap";
import { button, goInstead, notice, redraw, type Screen, say } from "./frame";
import { counterComing } from "./home-notices";
import { resultScreen } from "./result";

/** The screen of the draft: counting if its photo has no count yet, else the number. */
export async function countScreen(id: string): Promise<Screen | null> {
  const [draft, trap] = await Promise.all([draftOf(id), myTrap(id)]);
  if (!draft || !trap) return null;
  if (draft.source === "hand" || draft.counted) return resultScreen(draft, trap);
  return draft.photo ? countingScreen(draft, draft.photo, trap) : null;
}

function countingScreen(draft: Draft, photo: Blob, trap: MyTrap): Screen {
  const stop = new AbortController();
  const bar = h("progress", { max: 1, testid: "count-progress", "aria-label": t("Counting") });
  // The worker's picture, as soon as it has one: a small phone must not hold a camera's photo in memory twice.
  const picture = h("canvas", { class: "photo", role: "img", "aria-label": t("Your photo"), hidden: true });
  const below = h("div", { class: "stack" });
  const wait: Child[] = [
    h("p", { class: "counting", role: "status" }, t("Counting…")),
    bar,
    button("hand", t("Count by hand"), { testid: "count-by-hand", onclick: () => byHand(trap) }),
  ];
  below.append(h("div", { class: "stack" }, wait));

  const onPreview = (bitmap: ImageBitmap): void => {
    picture.width = bitmap.width;
    picture.height = bitmap.height;
    picture.hidden = false;
    picture.getContext("bitmaprenderer")?.transferFromImageBitmap(bitmap);
  };
  const onProgress = (share: number): void => {
    bar.value = share;
  };
  void count(draft, photo, { signal: stop.signal, onProgress, onPreview }).then(
    () => {
      if (!stop.signal.aborted) redraw();
    },
    (error: unknown) => {
      if (!stop.signal.aborted) below.replaceChildren(later(asProblem(error), trap) ?? failed(asProblem(error), trap));
    },
  );
  return {
    testid: "capture",
    title: t("Counting"),
    back: "#/",
    leave: () => stop.abort(),
    body: [picture, below],
  };
}

/** Counts the photo as it came, then keeps only the smaller copy: the draft must not fill the phone. */
async function count(draft: Draft, photo: Blob, options: CountOptions & { signal: AbortSignal }): Promise<void> {
  const { countPhoto } = await loadCounter();
  const { counts, intervals, marks, gate, model, decoded_scale, copy } = await countPhoto(photo, options);
  const sha256 = await sha256Hex(copy);
  if (options.signal.aborted) return;
  await keep("model", model);
  await keepDraft({
    ...draft,
    photo: copy,
    sha256,
    counted: { counts, intervals, marks, gate, model, decoded_scale },
  });
}

/** A photo that came before the counter is kept, and counted as soon as that is there. */
function later({ number }: Problem, trap: MyTrap): HTMLElement | null {
  const coming = number === "503.2" && counterComing(redraw);
  if (!coming) return null;
  return h(
    "div",
    { class: "stack" },
    coming,
    h("p", { testid: "photo-kept" }, t("Your photo is kept and counted then.")),
    button("hand", t("Count by hand"), { testid: "count-by-hand", onclick: () => byHand(trap) }),
  );
}

function failed(problem: Problem, trap: MyTrap): HTMLElement {
  const nights = nightsSince(trap.emptied_at, new Date());
  const onProblem = (next: Problem): void => say(t(next.message, next.params));
  return h(
    "div",
    { class: "stack" },
    notice("trouble", "watch", "count-problem", t(problem.message, problem.params)),
    h(
      "div",
      { class: "ways" },
      photoButton({ from: "camera", trap: trap.trap, nights, look: "main", onPhoto: redraw, onProblem }),
      photoButton({ from: "gallery", trap: trap.trap, nights, onPhoto: redraw, onProblem }),
      button("hand", t("By hand"), { testid: "count-by-hand", onclick: () => byHand(trap) }),
    ),
    button("cross", t("Discard"), {
      testid: "draft-discard",
      onclick: async () => {
        await dropDraft(trap.trap);
        goInstead("#/");
      },
    }),
  );
}

/** Turns the draft into a count by hand, keeping what is known of the trap. */
async function byHand(trap: MyTrap): Promise<void> {
  const draft = await draftOf(trap.trap);
  if (draft)
    await keepDraft({ ...draft, source: "hand", photo: null, sha256: null, counted: null, corrected: null, edits: [] });
  redraw();
}
