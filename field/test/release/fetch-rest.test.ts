import { afterEach, expect, test, vi } from "vitest";
import { fetchRest } from "../../src/release/fetch-rest";

const WHOLE = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

afterEach(() => void vi.unstubAllGlobals());

function serve(answer: (range: number) => Response): number[] {
  const asked: number[] = [];
  vi.stubGlobal("fetch", async (_address: string, { headers }: { headers?: { range?: string } }) => {
    const from = Number(/\d+/.exec(headers?.range ?? "")?.[0] ?? 0);
    asked.push(from);
    return answer(from);
  });
  return asked;
}

/** What comes before the connection breaks. */
function breaking(from: number, to: number): Response {
  let isSent = false;
  const body = new ReadableStream({
    pull(controller) {
      if (isSent) controller.error(new TypeError("network error"));
      else controller.enqueue(WHOLE.slice(from, to));
      isSent = true;
    },
  });
  return new Response(body, { status: from > 0 ? 206 : 200 });
}

test("goes on where it stopped, however often the connection breaks", async () => {
  let part = new Uint8Array();
  const keepPart = async (content: Uint8Array<ArrayBuffer>): Promise<void> => {
    part = content;
  };
  const asked = serve((from) => breaking(from, from + 40_000));
  for (let tries = 0; tries < 2; tries++) {
    await expect(fetchRest("/f", { bytes: WHOLE.length, part, keepPart })).rejects.toMatchObject({ number: "502.1" });
  }
  expect(part.length).toBe(80_000);
  serve((from) => new Response(WHOLE.slice(from), { status: 206 }));
  const { content } = await fetchRest("/f", { bytes: WHOLE.length, part, keepPart });
  expect(content).toEqual(WHOLE);
  expect(asked).toEqual([0, 40_000]);
});

test("begins anew where a server knows no ranges, or the part is not one of this file", async () => {
  const wanted = { bytes: WHOLE.length, part: new Uint8Array(500), keepPart: async () => {} };
  serve(() => new Response(WHOLE));
  expect((await fetchRest("/f", wanted)).content).toEqual(WHOLE);
  const asked = serve((from) => (from > 0 ? new Response("", { status: 416 }) : new Response(WHOLE)));
  expect((await fetchRest("/f", wanted)).content).toEqual(WHOLE);
  expect(asked).toEqual([500, 0]);
});

test.each([
  ["a captive portal's page", () => new Response("<h1>Pay</h1>", { headers: { "content-type": "text/html" } })],
  ["a server in trouble", () => new Response("", { status: 500 })],
])("%s costs nothing of what came before", async (_, answer) => {
  const keepPart = vi.fn();
  serve(answer);
  const trying = fetchRest("/f", { bytes: WHOLE.length, part: WHOLE.slice(0, 9), keepPart });
  await expect(trying).rejects.toMatchObject({ number: "502.2" });
  expect(keepPart).not.toHaveBeenCalled();
});
