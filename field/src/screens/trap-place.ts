/** Where a trap hangs: district and taluka from lists, village as the farmer writes it; all of it may stay empty. */

import { h } from "../elements";
import { t } from "../i18n";
import type { TrapBody } from "../sync/protocol";
import { nearestDistricts, roughPosition, type StateDistricts, talukasOf } from "../trap/places";
import { button, say } from "./frame";
import { textInput, written } from "./questions";

/** The nearest point is the right district three times in four, one of the four nearest nearly always (ADR 0014). */
const SUGGESTED = 4;

/** The questions write into `draft`. */
export function placeQuestions(draft: TrapBody, places: StateDistricts[]): HTMLElement[] {
  const district: HTMLSelectElement = h(
    "select",
    { testid: "trap-district", lang: "en", onchange: () => choose(district.value || null) },
    h("option", { value: "" }, t("Not given").text),
    places.map(({ state, districts }) => {
      const options = districts.map(({ id, name }) =>
        h("option", { value: id, selected: id === draft.district }, name),
      );
      return h("optgroup", { label: state }, options);
    }),
  );
  const taluka = h("div");
  const choose = (id: string | null): void => {
    if (id !== draft.district) draft.subdistrict = null;
    draft.district = id;
    district.value = id ?? "";
    void drawTalukas(taluka, draft);
  };
  void drawTalukas(taluka, draft);
  const village = textInput("trap-village", draft.village ?? "", (typed) => {
    draft.village = typed || null;
  });
  return [
    written(t("District"), district),
    suggestion(places, choose),
    taluka,
    written(t("Village (if you like)"), village),
  ];
}

/** Shown once the list of the state is there; without it nothing is missing. */
async function drawTalukas(into: HTMLElement, draft: TrapBody): Promise<void> {
  const { district } = draft;
  const talukas = district ? await talukasOf(district) : [];
  // Another district may have been chosen meanwhile.
  if (district !== draft.district) return;
  if (talukas.length === 0) {
    into.replaceChildren();
    return;
  }
  const select = h(
    "select",
    {
      testid: "trap-taluka",
      lang: "en",
      onchange: () => {
        draft.subdistrict = select.value ? Number(select.value) : null;
      },
    },
    h("option", { value: "" }, t("Not given").text),
    talukas.map(([code, name]) => h("option", { value: code, selected: code === draft.subdistrict }, name)),
  );
  into.replaceChildren(written(t("Taluka"), select));
}

/** Asks the phone roughly where it is, and the farmer which of the nearest districts that is. */
function suggestion(places: StateDistricts[], choose: (id: string) => void): HTMLElement {
  const names = new Map(places.flatMap(({ districts }) => districts.map(({ id, name }) => [id, name])));
  const offered = h("div", { class: "chips", testid: "nearest" });
  const find = async (): Promise<void> => {
    ask.setAttribute("disabled", "");
    const at = await roughPosition();
    const nearest = at ? await nearestDistricts(at, SUGGESTED) : [];
    ask.removeAttribute("disabled");
    if (nearest.length === 0) say(t("The phone does not know where it is. Choose the district from the list."));
    offered.replaceChildren(...nearest.map((id) => chip(id, names.get(id) ?? id, choose)));
  };
  const ask = button("place", t("Where am I?"), { testid: "find-district", look: "quiet", onclick: find });
  return h("div", { class: "stack" }, ask, offered);
}

function chip(id: string, name: string, choose: (id: string) => void): HTMLElement {
  return h(
    "label",
    { class: "chip", testid: `near-${id}` },
    h("input", { type: "radio", name: "near", value: id, onchange: () => choose(id) }),
    h("span", { lang: "en" }, name),
  );
}
