/** Why a photo is doubtful, or was not counted: a picture of what to change, the sentence, and the way to another photo. */

import { photoButton } from "../camera";
import { type Child, h } from "../elements";
import { type Message, t } from "../i18n";
import { drawn } from "../icons";
import type { Problem } from "../problem";
import type { Draft } from "../store/database";
import type { Gate } from "../sync/protocol";
import { redraw, say } from "./frame";

type Reason = NonNullable<Gate["reason"]>;

/** A liner with three moths, in a frame of 44 by 44 around (22, 24). */
const LINER = "M8 14h28v20H8z";
const MOTHS = '<path d="M15 20l3 4h-6zM28 19l3 4h-6zM22 27l3 4h-6z" fill="currentColor"/>';
const TRAP = `<path d="${LINER}"/>${MOTHS}`;
const small = (inner: string): string => `<g transform="translate(22 24) scale(.36) translate(-22 -24)">${inner}</g>`;
/** The photo as it is on the left, as it should be on the right, an arrow between: a cross and a tick say which is which. */
const change = (before: string, after = TRAP): string =>
  `<path d="M2 4h40v40H2z"/>${before}<path d="M2 54l8 8m0-8-8 8" stroke="#b3151b" stroke-width="4"/>` +
  `<path d="M50 24h18m-7-7 7 7-7 7"/><g transform="translate(76)"><path d="M2 4h40v40H2z"/>${after}` +
  '<path d="M1 58l4 5 9-10" stroke="#0b5a2c" stroke-width="4"/></g>';
const SUN = '<circle cx="22" cy="24" r="11" fill="#ffd93b"/><path d="M22 6v4M22 38v4M4 24h4M36 24h4"/>';
const MANY = Array.from({ length: 12 }, (_, n) => `M${10 + (n % 4) * 7} ${16 + Math.floor(n / 4) * 6}l3 5h-6z`).join(
  "",
);

const REASONS: Record<Reason, { picture: string; words: () => Message }> = {
  not_a_trap: {
    picture: change('<path d="M22 38V24M22 24c-10 0-12-8-10-12 8 0 10 6 10 12M22 30c8 0 11-5 10-10-7 0-10 5-10 10"/>'),
    words: () => t("This does not look like a trap. Take the photo of the sticky side, or from above into the funnel."),
  },
  too_dark: {
    picture: change(`<path d="M2 4h40v40H2z" fill="currentColor"/>`, `${TRAP}<path d="M36 8h4M34 4v3M40 13l-3-2"/>`),
    words: () => t("The photo is too dark. Turn the trap towards the light."),
  },
  too_bright: {
    picture: change(`${TRAP}${SUN}`, `<path d="M2 4h40L2 44z" fill="#d7dbd2"/>${TRAP}`),
    words: () => t("The photo is too bright. Make a shadow with your body."),
  },
  too_blurred: {
    picture: change(
      `<g stroke-dasharray="2 3"><path d="${LINER}"/><path d="${LINER}" transform="translate(4 3)"/><path d="${LINER}" transform="translate(-4 -3)"/></g>`,
    ),
    words: () => t("The photo is not sharp. Hold the phone still."),
  },
  too_far: {
    picture: change(small(TRAP)),
    words: () => t("The trap is too far away. Go closer, until it fills the photo."),
  },
  cut_off: {
    picture: change('<path d="M26 14h16M26 14v20h16"/><path d="M34 20l3 4h-6zM35 28l3 4h-6z" fill="currentColor"/>'),
    words: () => t("Part of the trap is missing. Move until the whole trap is in the photo."),
  },
  saturated: {
    picture: change(`<path d="${LINER}"/><path d="${MANY}" fill="currentColor"/>`, `<path d="${LINER}"/>`),
    words: () => t("The trap is so full that insects lie over one another. Change the liner or empty the trap today."),
  },
};

/** Says what to change; whoever wants to keep the photo does, and the count is marked. */
export function gateNotice(draft: Draft): Child {
  const gate = draft.counted?.gate;
  if (!gate?.reason || gate.verdict === "good") return null;
  const { picture, words } = REASONS[gate.reason];
  return h(
    "div",
    { class: "notice doubt gate", testid: `gate-${gate.verdict}`, "data-reason": gate.reason },
    drawn("0 -2 122 70", picture, "gate-picture"),
    h(
      "div",
      {},
      gate.verdict === "rejected" && h("p", {}, h("strong", {}, t("Nothing was counted"))),
      h("p", {}, words()),
      h("p", {}, t("Take it again, or correct the number and save.")),
      photoAgain(draft),
    ),
  );
}

/** The draft stays until there is another photo. */
export function photoAgain({ trap, nights }: Draft): HTMLElement {
  const onProblem = ({ message, params }: Problem): void => say(t(message, params));
  return photoButton({ from: "camera", trap, nights, onPhoto: redraw, onProblem });
}
