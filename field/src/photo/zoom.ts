/**
 * Which part of a photo its frame shows. The frame has the photo's shape, so both are measured in shares of their sides.
 */

/** `left` and `top` are the photo's point in the frame's corner; at zoom 1 the whole photo is seen. */
export interface View {
  zoom: number;
  left: number;
  top: number;
}

/** A place in the photo or in the frame, 0 to 1 each way. */
export interface Place {
  x: number;
  y: number;
}

export const WHOLE: View = { zoom: 1, left: 0, top: 0 };
/** The copy that is shown has 1920 px: beyond this there is nothing more to see. */
export const MOST_ZOOM = 8;

/** What of the photo lies under a place of the frame. */
export function photoPlace({ zoom, left, top }: View, { x, y }: Place): Place {
  return { x: left + x / zoom, y: top + y / zoom };
}

/** Nearer or farther, while what lies under a place of the frame stays there. */
export function zoomed(view: View, factor: number, at: Place): View {
  const held = photoPlace(view, at);
  const zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
  return inside({ zoom, left: held.x - at.x / zoom, top: held.y - at.y / zoom });
}

/** Follows a finger from one place of the frame to another. */
export function moved(view: View, from: Place, to: Place): View {
  return inside({
    zoom: view.zoom,
    left: view.left - (to.x - from.x) / view.zoom,
    top: view.top - (to.y - from.y) / view.zoom,
  });
}

/** Nothing but photo is ever seen. */
function inside({ zoom, left, top }: View): View {
  const most = 1 - 1 / zoom;
  return { zoom, left: Math.min(most, Math.max(0, left)), top: Math.min(most, Math.max(0, top)) };
}
