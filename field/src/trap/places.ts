/** Districts by state, from the list that comes with the app; loaded when a trap is added. */

export interface StateDistricts {
  state: string;
  districts: { id: string; name: string }[];
}

let loaded: Promise<StateDistricts[]> | undefined;

/** The list, or an empty one as long as the phone has neither the network nor the file. */
export function placesByState(): Promise<StateDistricts[]> {
  loaded ??= fetch("places.json")
    .then((response) =>
      response.ok ? (response.json() as Promise<StateDistricts[]>) : Promise.reject(response.status),
    )
    .catch(() => {
      loaded = undefined;
      return [];
    });
  return loaded;
}
