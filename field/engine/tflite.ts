/**
 * A .tflite file as a graph of tensors and operators. Whatever holds for every graph is checked here: one subgraph,
 * operators in an order in which they can run. What an operator may look like is checked in operators.ts.
 *
 * Source: tensorflow/compiler/mlir/lite/schema/schema.fbs; the numbers of fields, operators and types are from there.
 */

import { FlatBuffer, Refusal, type Table } from "./flatbuffer.ts";

export const INT32 = 2;
export const UINT8 = 3;
export const INT8 = 9;
const ELEMENT_BYTES: Record<number, number> = { [INT32]: 4, [UINT8]: 1, [INT8]: 1 };

export const OPERATORS: Record<number, string> = {
  0: "ADD",
  3: "CONV_2D",
  4: "DEPTHWISE_CONV_2D",
  14: "LOGISTIC",
  23: "RESIZE_BILINEAR",
  34: "PAD",
  114: "QUANTIZE",
  // Known by name only, to refuse them by it.
  1: "AVERAGE_POOL_2D",
  2: "CONCATENATION",
  6: "DEQUANTIZE",
  9: "FULLY_CONNECTED",
  17: "MAX_POOL_2D",
  18: "MUL",
  22: "RESHAPE",
  25: "SOFTMAX",
  32: "CUSTOM",
  40: "MEAN",
  41: "SUB",
  67: "TRANSPOSE_CONV",
  69: "TILE",
  97: "RESIZE_NEAREST_NEIGHBOR",
  98: "LEAKY_RELU",
  117: "HARD_SWISH",
};

const MOST_TENSORS = 4096;
const MOST_OPERATORS = 1024;
const MOST_TABLES = 16_384;
const MOST_ELEMENTS = 2 ** 26;
const NONE = new Uint8Array();

export interface Tensor {
  shape: number[];
  elements: number;
  type: number;
  /** Float32 and int64 as they lie in the file, for one scale or one of each filter. */
  scales: Uint8Array;
  zeroPoints: Uint8Array;
  /** The axis that the scales go along, if there are several. */
  axis: number;
  /** What a constant holds. */
  content: Uint8Array | undefined;
}

export interface Operator {
  name: string;
  /** Tensors by number; -1 is one that was left out. */
  inputs: number[];
  outputs: number[];
  /** Which table of options it is, 0 for none, and that table. */
  optionsType: number;
  options: Table | undefined;
}

export interface Graph {
  tensors: Tensor[];
  operators: Operator[];
  inputs: number[];
  outputs: number[];
}

export function readGraph(file: Uint8Array): Graph {
  const buffer = new FlatBuffer(file);
  if (String.fromCharCode(...buffer.slice(4, 4)) !== "TFL3") throw new Refusal("this is not a .tflite file");
  const model = buffer.root();
  const subgraphs = atMost(MOST_TABLES, model.tables(2));
  const [subgraph] = subgraphs;
  if (!subgraph || subgraphs.length > 1) throw new Refusal(`${subgraphs.length} subgraphs`);
  const contents = atMost(MOST_TABLES, model.tables(4));
  const names = atMost(MOST_TABLES, model.tables(1)).map(operatorName);
  const graph = {
    tensors: atMost(MOST_TENSORS, subgraph.tables(0)).map((table) => readTensor(table, contents)),
    operators: atMost(MOST_OPERATORS, subgraph.tables(3)).map((table) => readOperator(table, names)),
    inputs: subgraph.int32s(1),
    outputs: subgraph.int32s(2),
  };
  checkOrder(graph);
  return graph;
}

function atMost<T>(limit: number, tables: T[]): T[] {
  if (tables.length > limit) throw new Refusal("the file is larger than this engine takes");
  return tables;
}

function operatorName(table: Table): string {
  const code = Math.max(table.int8(0), table.int32(3));
  return OPERATORS[code] ?? `operator ${code}`;
}

function readTensor(table: Table, contents: Table[]): Tensor {
  const shape = table.int32s(0);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (shape.length > 5 || shape.some((size) => size < 1) || elements > MOST_ELEMENTS) {
    throw new Refusal(`a tensor of shape ${shape}`);
  }
  if (table.int8(5) || table.table(6)) throw new Refusal("a variable or sparse tensor");
  const quantization = table.table(4);
  const type = table.int8(1);
  const bytes = contents[table.int32(2)]?.bytes(0);
  if (!bytes) throw new Refusal("a tensor without a buffer");
  if (bytes.length > 0 && bytes.length !== elements * (ELEMENT_BYTES[type] ?? Number.NaN)) {
    throw new Refusal("a constant of another size than its shape");
  }
  return {
    shape,
    elements,
    type,
    scales: quantization?.bytes(2, 4) ?? NONE,
    zeroPoints: quantization?.bytes(3, 8) ?? NONE,
    axis: quantization?.int32(6) ?? 0,
    content: bytes.length > 0 ? bytes : undefined,
  };
}

function readOperator(table: Table, names: string[]): Operator {
  const name = names[table.int32(0)];
  if (name === undefined) throw new Refusal("an operator without a code");
  const operator = { name, inputs: table.int32s(1), outputs: table.int32s(2), optionsType: table.int8(3) };
  return { ...operator, options: table.table(4) };
}

/** Everything that is read is there: a constant, an input of the graph, or made by an earlier operator; once. */
function checkOrder({ tensors, operators, inputs, outputs }: Graph): void {
  const made = new Set<number>();
  const make = (index: number) => {
    const tensor = tensors[index];
    if (!tensor || tensor.content || made.has(index)) throw new Refusal("a tensor that is written twice or not there");
    made.add(index);
  };
  const read = (index: number) => {
    if (!made.has(index) && !tensors[index]?.content) throw new Refusal("a tensor that is read before it is written");
  };
  inputs.forEach(make);
  for (const operator of operators) {
    operator.inputs.filter((index) => index !== -1).forEach(read);
    operator.outputs.forEach(make);
  }
  for (const index of outputs) if (!made.has(index)) throw new Refusal("an output that nothing makes");
  if (inputs.length === 0 || outputs.length === 0) throw new Refusal("a graph without input or output");
}
