/** What bench/engine.py drives in a browser: opens an engine by name and runs it. */

const bytesOf = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());

/** Each returns a function from pixels to the bytes of the first output. */
const OPEN = {
  simd: () => ours("simd"),
  plain: () => ours("plain"),
  relaxed: () => ours("relaxed"),

  async litert() {
    const { loadLiteRt, loadAndCompile, Tensor } = await import("./litert.js");
    await loadLiteRt("node_modules/@litertjs/core/wasm/");
    const model = await loadAndCompile(await bytesOf("model.tflite"), { accelerator: "wasm" });
    const { shape } = model.getInputDetails()[0];
    return async (pixels) => {
      const input = new Tensor(pixels, [...shape]);
      const [output] = await model.run(input);
      const bytes = new Uint8Array(await output.data());
      input.delete();
      output.delete();
      return bytes;
    };
  },

  async tfjs() {
    await script("node_modules/@tensorflow/tfjs-tflite/wasm/tflite_web_api_client.js");
    const { tflite_web_api, TFLiteWebModelRunner } = window.tfweb;
    tflite_web_api.setWasmPath("node_modules/@tensorflow/tfjs-tflite/wasm/");
    const runner = await TFLiteWebModelRunner.create("model.tflite", { numThreads: 1 });
    return (pixels) => {
      runner.getInputs()[0].data().set(pixels);
      runner.infer();
      return Uint8Array.from(runner.getOutputs()[0].data());
    };
  },

  async onnx() {
    const ort = await import("./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(await bytesOf("model.onnx"));
    const [{ shape }] = session.inputMetadata;
    return async (pixels) => {
      const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor("uint8", pixels, shape) });
      return outputs[session.outputNames[0]].data;
    };
  },
};

async function ours(variant) {
  const { open } = await import("./ours.js");
  const [kernels, model] = await Promise.all([bytesOf(`kernels-${variant}.wasm`), bytesOf("model.tflite")]);
  return open(kernels, model);
}

function script(src) {
  return new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject }));
  });
}

/** A square of side x side x 3 bytes; twin: `drawn` in bench/engine.py. */
function drawn(side) {
  return Uint8Array.from({ length: side * side * 3 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 24);
}

const opened = {};
let pixels;

window.bench = {
  draw(side) {
    pixels = drawn(side);
  },
  async open(name) {
    opened[name] = await OPEN[name]();
  },
  async run(name, times) {
    for (; times > 0; times--) await opened[name](pixels);
  },
  /** How many bytes differ from what LiteRT answers in Python. */
  async differences(name) {
    const [answer, expected] = [await opened[name](pixels), await bytesOf("answer.bin")];
    return expected.reduce((sum, byte, index) => sum + (byte !== answer[index]), Math.abs(expected.length - answer.length));
  },
  async variant() {
    return (await import("./ours.js")).chooseVariant();
  },
};
