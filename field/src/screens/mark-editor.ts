/** Marks on the photo of a count: a tap adds or removes one, and the number follows; every tap can be taken back. */

import { type Child, h } from "../elements";
import { t } from "../i18n";
import { changeBy, editedMarks, tapped } from "../photo/mark-edits";
import type { Draft } from "../store/database";
import type { Mark } from "../sync/protocol";
import { markedPhoto, tool } from "./marked-photo";
import type { Counted } from "./result";

/** The photo on which a tap adds or takes away an insect, and the button that takes the last tap back. */
export function markEditor(
  draft: Draft,
  photo: Blob,
  counted: Counted,
  pest: string,
  { change, set }: { change: (by: number) => void; set: (corrected: number | null) => void },
): { body: Child; leave: () => void } {
  draft.edits ??= [];
  const { edits } = draft;
  const marks = (): Mark[] => editedMarks(counted.marks, edits);
  const show = (): void => {
    view.showMarks(marks());
    undo.disabled = edits.length === 0;
  };
  const view = markedPhoto(photo, pest, (at, reach) => {
    const edit = tapped(marks(), at, pest, reach);
    edits.push(edit);
    change(changeBy(edit, pest));
    show();
  });
  const undo = tool("undo", t("Undo"), () => {
    const last = edits.pop();
    if (!last) return;
    change(-changeBy(last, pest));
    // Whoever has taken everything back has counted nothing: the phone's own number, or none, stands again.
    if (edits.length === 0 && draft.corrected === (counted.counts[pest] ?? 0)) set(null);
    show();
  });
  show();
  const words = h("span", { class: "quiet" }, t("Tap to add or remove"));
  return { body: [view.photo, h("div", { class: "photo-tools" }, words, view.tools, undo)], leave: view.leave };
}
