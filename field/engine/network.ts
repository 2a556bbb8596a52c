/**
 * Runs an int8 .tflite file: the whole engine as a stranger sees it.
 *
 *     const network = await Network.open(await WebAssembly.compile(kernels), model);
 *     const [output] = network.run(pixels);
 *
 * Promises the bytes of XNNPACK (x86) and a fixed amount of memory, taken at once. Refuses, with a `Refusal` that says
 * why, whatever file or operator it would not compute exactly.
 */

import { Refusal } from "./flatbuffer.ts";
import { type Lifetime, planMemory } from "./plan.ts";
import { type Kernels, type Places, room, type Step } from "./step.ts";
import { stepsOf } from "./steps.ts";
import { type Graph, readGraph } from "./tflite.ts";

const PAGE_BYTES = 65_536;
/** Old phones have 1 GB for everything. */
const MOST_BYTES = 64 * 2 ** 20;
/** Some ten seconds on an old phone (guess): a damaged file must not hold it for longer. */
const MOST_WORK = 8e9;

/** Where something lies in memory, and how long it is. */
interface Stretch {
  start: number;
  bytes: number;
}

export class Network {
  readonly memoryBytes: number;
  readonly steps: readonly (() => void)[];
  readonly names: readonly string[];
  readonly #memory: Uint8Array;
  readonly #inputs: Stretch[];
  readonly #outputs: Stretch[];

  private constructor(steps: Step[], memory: Uint8Array, runs: (() => void)[], inputs: Stretch[], outputs: Stretch[]) {
    this.memoryBytes = memory.length;
    this.steps = runs;
    this.names = steps.map(({ name }) => name);
    this.#memory = memory;
    this.#inputs = inputs;
    this.#outputs = outputs;
  }

  /**
   * Checks a file, packs its weights and takes the memory that it needs.
   *
   * @param kernels one of the three kernels-*.wasm, compiled; variant.ts says which
   */
  static async open(kernels: WebAssembly.Module, file: Uint8Array): Promise<Network> {
    const graph = readGraph(file);
    const steps = stepsOf(graph);
    if (steps.reduce((sum, { work }) => sum + work, 0) > MOST_WORK) throw new Refusal("too much to compute");
    const { offsets, bytes: arenaBytes } = planMemory(lifetimesOf(graph, steps));

    // Kernels' own memory, arena, scratch, constants.
    const arena = PAGE_BYTES;
    const scratch = arena + arenaBytes;
    const stages = steps.flatMap((step) => [step, ...step.constants]);
    let end = scratch + room(Math.max(0, ...stages.map(({ scratchBytes }) => scratchBytes ?? 0)));
    const constants = steps.map((step) => step.constants.map(({ bytes }) => place(bytes)));
    function place(bytes: number): number {
      const start = end;
      end += room(bytes);
      return start;
    }
    if (end > MOST_BYTES) throw new Refusal(`${Math.ceil(end / 2 ** 20)} MB of memory`);
    const { memory, exports } = await instantiate(kernels, Math.ceil(end / PAGE_BYTES), arena);

    const address = (tensor: number) => arena + (offsets.get(tensor) as number);
    const runs = steps.map((step, index) => {
      for (const [n, constant] of step.constants.entries()) {
        constant.write(exports, memory, constants[index][n], scratch);
      }
      const inputs = step.inputs.map(address);
      const places: Places = { memory, inputs, output: address(step.output), constants: constants[index], scratch };
      return () => step.run(exports, places);
    });
    const stretch = (tensor: number) => ({ start: address(tensor), bytes: graph.tensors[tensor].elements });
    return new Network(steps, memory, runs, graph.inputs.map(stretch), graph.outputs.map(stretch));
  }

  /** How many bytes each input has. */
  get inputBytes(): number[] {
    return this.#inputs.map(({ bytes }) => bytes);
  }

  /** How many bytes each output has. */
  get outputBytes(): number[] {
    return this.#outputs.map(({ bytes }) => bytes);
  }

  /**
   * Computes all outputs from all inputs.
   *
   * @param inputs bytes of each input, int8 or uint8 as the model says
   * @returns bytes of each output; they are the caller's own
   */
  run(...inputs: Uint8Array[]): Uint8Array<ArrayBuffer>[] {
    if (inputs.map(({ length }) => length).join() !== this.#inputs.map(({ bytes }) => bytes).join()) {
      throw new Refusal("inputs of another size than the model's");
    }
    for (const [index, input] of inputs.entries()) this.#memory.set(input, this.#inputs[index].start);
    for (const step of this.steps) step();
    return this.#outputs.map(({ start, bytes }) => this.#memory.slice(start, start + bytes) as Uint8Array<ArrayBuffer>);
  }
}

async function instantiate(module: WebAssembly.Module, pages: number, arena: number) {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const heap = exports.__heap_base as WebAssembly.Global;
  if (heap.value > arena) throw new Error("the kernels' own memory has grown into the arena");
  return { memory: new Uint8Array(memory.buffer), exports: exports as unknown as Kernels };
}

/** Inputs live from the start, each tensor until its last reader, outputs to the end. */
function lifetimesOf(graph: Graph, steps: Step[]): Lifetime[] {
  const last = new Map(graph.inputs.map((tensor) => [tensor, -1]));
  for (const [index, { inputs, output }] of steps.entries()) {
    for (const tensor of [...inputs, output]) last.set(tensor, index);
  }
  for (const tensor of graph.outputs) last.set(tensor, steps.length);
  /** Which output takes the place of an input that nobody reads later. */
  const heirs = new Map(
    steps
      .filter(({ isInPlace, inputs: [input] }, index) => isInPlace && last.get(input) === index)
      .map(({ inputs: [input], output }) => [input, output]),
  );
  const lifetimeOf = (tensor: number, from: number): Lifetime[] => {
    const tensors = [tensor];
    for (let heir = heirs.get(tensor); heir !== undefined; heir = heirs.get(heir)) tensors.push(heir);
    return [{ tensors, bytes: graph.tensors[tensor].elements, from, to: last.get(tensors.at(-1) as number) as number }];
  };
  const inherited = new Set(heirs.values());
  return [
    ...graph.inputs.flatMap((tensor) => lifetimeOf(tensor, -1)),
    ...steps.flatMap(({ output }, index) => (inherited.has(output) ? [] : lifetimeOf(output, index))),
  ];
}
