// Speaks with an exported voice in WebAssembly: node speak.mjs MODEL.onnx REQUEST.json OUT.f32
// The request holds each input as {type, dims, data}; samples are written as raw little-endian float32.
import { readFile, writeFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";

const [model, request, out] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(model), { executionProviders: ["wasm"] });
const arrays = {
  int64: (data) => BigInt64Array.from(data, BigInt),
  float32: (data) => Float32Array.from(data),
};
const feeds = Object.fromEntries(
  Object.entries(JSON.parse(await readFile(request, "utf8"))).map(([name, { type, dims, data }]) => [
    name,
    new ort.Tensor(type, arrays[type](data), dims),
  ]),
);
const began = performance.now();
const { waveform, samples } = await session.run(feeds);
const milliseconds = performance.now() - began;
await writeFile(out, Buffer.from(waveform.data.buffer, waveform.data.byteOffset, waveform.data.byteLength));
console.log(JSON.stringify({ version: ort.env.versions.web, samples: Number(samples.data[0]), milliseconds }));
