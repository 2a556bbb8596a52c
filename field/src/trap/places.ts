/** Districts by state, and the talukas of each, from lists that come with the app; loaded when a trap is added. */

export interface StateDistricts {
  state: string;
  districts: { id: string; name: string }[];
}

export type Taluka = readonly [code: number, name: string];

/** Whole and half degrees would be too coarse for a district, and metres are nobody's business: a tenth is about 11 km. */
const TENTHS = 10;

const loaded = new Map<string, Promise<unknown>>();

/** A list, or `missing` as long as the phone has neither the network nor the file. */
function list<T>(path: string, missing: T): Promise<T> {
  const found = loaded.get(path) as Promise<T> | undefined;
  if (found) return found;
  const loading = fetch(path)
    .then((response) => (response.ok ? (response.json() as Promise<T>) : Promise.reject(response.status)))
    .catch(() => {
      loaded.delete(path);
      return missing;
    });
  loaded.set(path, loading);
  return loading;
}

export const placesByState = (): Promise<StateDistricts[]> => list("places.json", []);

/** The talukas of a district; its state's list is kept from the first time that somebody asks. */
export async function talukasOf(district: string): Promise<readonly Taluka[]> {
  const state = district.match(/^IN-([A-Z]{2})-/)?.[1];
  if (!state) return [];
  return (await list<Record<string, Taluka[]>>(`places/${state}.json`, {}))[district] ?? [];
}

/** A position as tenths of degrees: what is finer is gone before anything else sees it. */
export type Tenths = readonly [longitude: number, latitude: number];

export const coarsened = ({ longitude, latitude }: Pick<GeolocationCoordinates, "longitude" | "latitude">): Tenths => [
  Math.round(longitude * TENTHS),
  Math.round(latitude * TENTHS),
];

/** The position of the phone, coarsened here; null when the person or the phone does not give it. */
export function roughPosition(): Promise<Tenths | null> {
  return new Promise((done) => {
    if (!navigator.geolocation) done(null);
    else {
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => done(coarsened(coords)),
        () => done(null),
        { enableHighAccuracy: false, timeout: 20_000, maximumAge: 3_600_000 },
      );
    }
  });
}

/** The districts whose inside points lie nearest, nearest first; the farmer says which one it is. */
export async function nearestDistricts(at: Tenths, many: number): Promise<string[]> {
  const points = await list<Record<string, Tenths>>("places/points.json", {});
  return nearest(points, at, many);
}

export function nearest(points: Record<string, Tenths>, [x, y]: Tenths, many: number): string[] {
  // A degree of longitude is shorter away from the equator.
  const across = Math.cos((y / TENTHS) * (Math.PI / 180));
  const far = ([px, py]: Tenths): number => ((px - x) * across) ** 2 + (py - y) ** 2;
  return Object.entries(points)
    .sort(([, a], [, b]) => far(a) - far(b))
    .slice(0, many)
    .map(([district]) => district);
}
