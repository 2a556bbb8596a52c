/** What the build puts into the app: see plugins/. */

declare const __APP_VERSION__: string;
declare const __APP_FILES__: import("./sw/to-cache").AppFile[];

declare module "virtual:bundled-release" {
  /** The base release under models/<version>/; null only in tests without one. */
  export const BUNDLED: { version: string; created_at: string } | null;
  export const BASE_KEYS: import("./release/verify").BaseKey[];
}

declare module "*?url" {
  const url: string;
  // biome-ignore lint/style/noDefaultExport: Vite's asset imports are default ones.
  export default url;
}
