/** Whether photos may go now. */

import { setting } from "../store/settings";

/**
 * @param asked a person has just asked for sending.
 */
export async function maySendPhotos(_asked: boolean): Promise<boolean> {
  return (await setting("send_photos")) === true;
}
