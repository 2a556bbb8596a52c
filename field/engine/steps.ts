/**
 * From operators to steps: which operators are done in one go, and every one checked.
 *
 * A PAD is left to the convolution that alone reads it: the padded picture never exists. A depthwise convolution takes
 * its neighbours along (convolution.ts).
 */

import { convolutionStep, depthwiseStep, type Layer, layerOf, type Padding } from "./convolution.ts";
import { Refusal } from "./flatbuffer.ts";
import { prepare, readPadding } from "./operators.ts";
import type { Step } from "./step.ts";
import type { Graph, Operator } from "./tflite.ts";

const VALID = 1;

export function stepsOf(graph: Graph): Step[] {
  const { operators, outputs } = graph;
  const paddings = new Map<number, Padding>();
  /** Convolutions that wait for the depthwise one that reads them, by their output. */
  const waiting = new Map<number, Layer>();
  const done = new Set<Operator>();
  const steps: Step[] = [];

  /** The one operator that reads a tensor. */
  const readerOf = (tensor: number): Operator | undefined => {
    const readers = operators.filter(({ inputs }) => inputs.includes(tensor));
    return readers.length === 1 && !outputs.includes(tensor) ? readers[0] : undefined;
  };
  /** The convolution that a PAD can be left to. */
  const padded = ({ name, outputs: [output] }: Operator): Operator | undefined => {
    const reader = name === "PAD" ? readerOf(output) : undefined;
    return reader && isConvolution(reader) && reader.options?.int8(0) === VALID ? reader : undefined;
  };
  /** The reader of a tensor, a PAD between them left out. */
  const readerBehindPadding = (tensor: number): Operator | undefined => {
    const reader = readerOf(tensor);
    return reader && (padded(reader) ?? reader);
  };
  const layer = (operator: Operator) => layerOf(operator, graph, paddings.get(operator.inputs[0]));

  for (const operator of operators) {
    if (done.has(operator)) continue;
    const [output] = operator.outputs;
    named(operator, () => {
      if (padded(operator)) paddings.set(output, readPadding(operator, graph));
      else if (!isConvolution(operator)) steps.push(prepare(operator, graph));
      else if (operator.name === "DEPTHWISE_CONV_2D") steps.push(depthwise(operator));
      else if (readerBehindPadding(output)?.name === "DEPTHWISE_CONV_2D") waiting.set(output, layer(operator));
      else steps.push(convolutionStep(layer(operator)));
    });
  }
  return steps;

  function depthwise(operator: Operator): Step {
    const middle = layer(operator);
    const reader = readerOf(middle.output);
    const after = reader?.name === "CONV_2D" ? named(reader, () => layer(reader)) : undefined;
    if (reader && after?.isPointwise) done.add(reader);
    return depthwiseStep(waiting.get(middle.input), middle, after?.isPointwise ? after : undefined);
  }
}

function isConvolution({ name }: Operator): boolean {
  return name === "CONV_2D" || name === "DEPTHWISE_CONV_2D";
}

/** Says of which operator a refusal speaks. */
function named<T>({ name }: Operator, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal && !error.message.startsWith(name)) throw new Refusal(`${name}: ${error.message}`);
    throw error;
  }
}
