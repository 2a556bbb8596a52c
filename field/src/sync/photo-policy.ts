/** Whether photos may go now: with consent, over Wi-Fi, or when a person asks. */

import { setting } from "../store/settings";
import { linkOf } from "./link";

/** When photos go: over Wi-Fi by themselves, or only when a person sends them. */
export type PhotosGo = "wifi" | "asked";

/**
 * Where the browser does not tell Wi-Fi from mobile data, photos wait for a person: one costs as much as a thousand counts.
 *
 * @param asked a person has just asked for the photos to be sent
 */
export async function maySendPhotos(asked: boolean): Promise<boolean> {
  if ((await setting("send_photos")) !== true) return false;
  return asked || ((await setting("photos_go")) !== "asked" && linkOf() === "free");
}
