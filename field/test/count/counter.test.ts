import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Counter } from "../../src/count/counter";
import {
  type CountRequest,
  type CountResult,
  type Model,
  modelName,
  type WorkerAnswer,
} from "../../src/count/messages";

/** Stands where the browser's worker would: keeps what it was asked, answers when the test says so. */
class WaitingWorker extends EventTarget {
  readonly asked: CountRequest[] = [];
  isTerminated = false;
  onmessage: ((event: MessageEvent<WorkerAnswer>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;

  postMessage(request: CountRequest): void {
    this.asked.push(request);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  say(data: WorkerAnswer): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  count(model: string): void {
    this.say({ kind: "counted", result: { counts: {}, model } as CountResult });
  }
}

const PHOTO = new Blob(["a photo"]);
const OLD = { tflite: new Uint8Array(1), sidecar: { name: "small", version: "old" } } as Model;
const NEW = { tflite: new Uint8Array(2), sidecar: { name: "small", version: "new" } } as Model;
const OLD_NANO = { ...OLD, sidecar: { ...OLD.sidecar, name: "nano" } } as Model;
const OLD_BEHIND_A_NEW_GATE = { ...OLD, gate: { tflite: new Uint8Array(3), sidecar: { version: "new" } } } as Model;

let workers: WaitingWorker[];
let counter: Counter;

beforeEach(() => {
  vi.useFakeTimers();
  workers = [];
  counter = new Counter(() => {
    const worker = new WaitingWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  });
});
afterEach(() => void vi.useRealTimers());

/** Lets everything run that waits for nothing but its turn. */
const settle = () => vi.advanceTimersByTimeAsync(0);

test("photos are counted one after the other, and the model is handed over once", async () => {
  const first = counter.count(PHOTO, OLD);
  const second = counter.count(PHOTO, OLD);
  await settle();
  const [worker] = workers;
  expect(worker.asked.map(({ model }) => model)).toEqual([OLD]);
  worker.count("old");
  await first;
  await settle();
  expect(worker.asked.map(({ model }) => model)).toEqual([OLD, null]);
  worker.count("old");
  expect((await second).model).toBe("old");
  expect(workers).toHaveLength(1);
});

test("another model is handed over when it is its turn", async () => {
  const counts = [counter.count(PHOTO, OLD), counter.count(PHOTO, NEW)];
  await settle();
  workers[0].count("old");
  await settle();
  workers[0].count("new");
  expect((await Promise.all(counts)).map(({ model }) => model)).toEqual(["old", "new"]);
  expect(workers[0].asked.map(({ model }) => model)).toEqual([OLD, NEW]);
});

test("another size of the same release, or another gate, is another model", async () => {
  const models = [OLD, OLD_NANO, OLD_BEHIND_A_NEW_GATE];
  const counts = models.map((model) => counter.count(PHOTO, model));
  for (const _ of models) {
    await settle();
    workers[0].count("whatever");
  }
  await Promise.all(counts);
  expect(workers[0].asked.map(({ model }) => model)).toEqual(models);
});

test("observations name a model by its release, and by its size where that is not the usual one", () => {
  expect([OLD, OLD_NANO].map(({ sidecar }) => modelName(sidecar))).toEqual(["old", "old.nano"]);
});

test("a tile is timed by the same worker", async () => {
  const timing = counter.time(OLD);
  await settle();
  expect(workers[0].asked).toEqual([{ work: { kind: "time" }, model: OLD }]);
  workers[0].say({ kind: "timed", tile_ms: 120 });
  expect(await timing).toBe(120);
});

test("a photo does not wait for a timing, begun or not", async () => {
  const timing = counter.time(OLD);
  await settle();
  const counting = counter.count(PHOTO, OLD);
  await expect(timing).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  await settle();
  expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
  const second = counter.time(OLD);
  const third = counter.count(PHOTO, OLD);
  workers[1].count("old");
  await counting;
  await expect(second).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  await settle();
  workers[1].count("old");
  await third;
  expect(workers[1].asked.map(({ work }) => work.kind)).toEqual(["count", "count"]);
});

test("the network is warm when the photo comes, which waits for that and not for a second one", async () => {
  const warming = counter.warmUp(OLD);
  const counting = counter.count(PHOTO, OLD);
  await settle();
  expect(workers[0].asked).toEqual([{ work: { kind: "time" }, model: OLD }]);
  workers[0].say({ kind: "timed", tile_ms: 120 });
  await warming;
  await settle();
  workers[0].count("old");
  await counting;
  await counter.warmUp(OLD);
  expect(workers[0].asked).toEqual([
    { work: { kind: "time" }, model: OLD },
    { work: { kind: "count", photo: PHOTO }, model: null },
  ]);
  expect(workers).toHaveLength(1);
});

test("a small picture of the photo comes before its count", async () => {
  const shown: unknown[] = [];
  const counting = counter.count(PHOTO, OLD, { onPreview: (bitmap) => shown.push(bitmap) });
  await settle();
  const bitmap = { width: 512 } as ImageBitmap;
  workers[0].say({ kind: "preview", bitmap });
  expect(shown).toEqual([bitmap]);
  workers[0].count("old");
  await counting;
});

test("a frame of the camera is judged by the same worker, between photos", async () => {
  const frame = { width: 1, height: 1, rgba: new Uint8ClampedArray(4) };
  const counting = counter.count(PHOTO, OLD);
  const judging = counter.judge(frame, OLD);
  await settle();
  workers[0].count("old");
  await counting;
  await settle();
  expect(workers[0].asked[1]).toEqual({ work: { kind: "judge", frame }, model: null });
  workers[0].say({ kind: "judged", gate: { verdict: "doubtful", reason: "too_far" } });
  expect((await judging).reason).toBe("too_far");
});

test("a problem reaches who asked, and the next photo is counted with the model loaded afresh", async () => {
  const failing = counter.count(PHOTO, OLD);
  const next = counter.count(PHOTO, OLD);
  await settle();
  const problem = { number: "422.2", message: "…", params: { name: "empty.jpg" } };
  workers[0].say({ kind: "problem", problem });
  await expect(failing).rejects.toMatchObject({ number: "422.2", params: { name: "empty.jpg" } });
  await settle();
  workers[0].count("old");
  await next;
  expect(workers[0].asked.map(({ model }) => model)).toEqual([OLD, OLD]);
});

test("who waits hears how far it is", async () => {
  const shares: number[] = [];
  const counting = counter.count(PHOTO, OLD, { onProgress: (share) => shares.push(share) });
  await settle();
  workers[0].say({ kind: "progress", share: 0.2 });
  workers[0].say({ kind: "progress", share: 0.75 });
  workers[0].count("old");
  await counting;
  expect(shares).toEqual([0.2, 0.75]);
});

test("an aborted count stops its worker at once; the photo behind it gets a new one", async () => {
  const stop = new AbortController();
  const aborted = counter.count(PHOTO, OLD, { signal: stop.signal });
  const next = counter.count(PHOTO, OLD);
  await settle();
  stop.abort();
  await expect(aborted).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  await settle();
  expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
  workers[1].count("old");
  expect((await next).model).toBe("old");
});

test("a count that is aborted before its turn never reaches the worker", async () => {
  const stop = new AbortController();
  const first = counter.count(PHOTO, OLD);
  const aborted = counter.count(PHOTO, OLD, { signal: stop.signal });
  stop.abort();
  await settle();
  workers[0].count("old");
  await first;
  await expect(aborted).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  expect(workers[0].asked).toHaveLength(1);
});

test("a worker that dies is a problem and not the end of counting", async () => {
  const counting = counter.count(PHOTO, OLD);
  await settle();
  workers[0].onerror?.({ message: "out of memory" } as ErrorEvent);
  await expect(counting).rejects.toMatchObject({ number: "500.2", params: { detail: "out of memory" } });
  const next = counter.count(PHOTO, OLD);
  await settle();
  workers[1].count("old");
  await next;
});

test("the network leaves memory after a minute without a photo, and not before", async () => {
  const countOne = async (worker: number) => {
    const counting = counter.count(PHOTO, OLD);
    await settle();
    workers[worker].count("old");
    await counting;
  };
  await countOne(0);
  await vi.advanceTimersByTimeAsync(59_000);
  await countOne(0);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(workers[0].isTerminated).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(workers[0].isTerminated).toBe(true);
  await countOne(1);
});
