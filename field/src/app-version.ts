/** The app's own versions: registers the service worker, and tells when a newer app waits to be used. */

/**
 * Registers the service worker.
 *
 * @param onNewer called when a newer version is ready; calling what it gets starts that version and loads the page again
 */
export async function keepAppOnPhone(onNewer: (use: () => void) => void): Promise<void> {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  const registration = await navigator.serviceWorker.register(`${import.meta.env.BASE_URL}service-worker.js`, {
    scope: import.meta.env.BASE_URL,
    updateViaCache: "none",
  });
  const tell = (waiting: ServiceWorker) =>
    onNewer(() => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      waiting.postMessage({ type: "activate" });
    });
  if (registration.waiting && navigator.serviceWorker.controller) tell(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const installing = registration.installing;
    installing?.addEventListener("statechange", () => {
      // The very first version has nobody to replace: it is in use without asking.
      if (installing.state === "installed" && navigator.serviceWorker.controller) tell(installing);
    });
  });
}
