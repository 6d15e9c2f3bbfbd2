// Classifies one picture, as examples/classify.c does: reads fixture/model.xml, fixture/model.bin and
// fixture/tensor.f32 (f32, 1x3x224x224), and prints the five best of the model's 1000 probabilities.
//
//     classify.wasm [LABELS]
//
// LABELS is a file with a name on each line.
import { readFile } from "./files";
import {
  compute, ENCODING_OPENVINO, errnoText, get_output, GraphBuilder, init_execution_context, load_graph, set_input,
  TARGET_CPU, Tensor, TYPE_F32,
} from "./wasi_nn";

const CLASSES = 1000;
const BEST = 5;
const BAR = 40;

function fail(message: string): void {
  process.stderr.write(message + "\n");
  process.exit(1);
}

function check(call: string, error: u32): void {
  if (error != 0) fail(call + ": " + errnoText(error));
}

function read(path: string): ArrayBuffer {
  const file = readFile(path);
  const error = file.error;
  if (error != null) fail(path + ": " + error);
  return file.data;
}

function infer(): StaticArray<f32> {
  const parts = [read("fixture/model.xml"), read("fixture/model.bin")];
  const pixels = read("fixture/tensor.f32");
  const builders = changetype<GraphBuilder>(heap.alloc(parts.length * offsetof<GraphBuilder>()));
  for (let i = 0; i < parts.length; i++) {
    const builder = changetype<GraphBuilder>(changetype<usize>(builders) + i * offsetof<GraphBuilder>());
    builder.data = changetype<usize>(parts[i]);
    builder.size = parts[i].byteLength;
  }
  const dimensions: StaticArray<u32> = [1, 3, 224, 224];
  const input = new Tensor();
  input.dimensions = changetype<usize>(dimensions);
  input.dimensionCount = dimensions.length;
  input.type = TYPE_F32;
  input.data = changetype<usize>(pixels);
  input.size = pixels.byteLength;

  const written = new StaticArray<u32>(1);
  const result = changetype<usize>(written);
  check("load", load_graph(changetype<usize>(builders), parts.length, ENCODING_OPENVINO, TARGET_CPU, result));
  check("init_execution_context", init_execution_context(written[0], result));
  const context = written[0];
  check("set_input", set_input(context, 0, changetype<usize>(input)));
  check("compute", compute(context));
  const probabilities = new StaticArray<f32>(CLASSES);
  const wanted = CLASSES * sizeof<f32>();
  check("get_output", get_output(context, 0, changetype<usize>(probabilities), wanted, result));
  if (written[0] != wanted) fail(`the model has ${written[0]} bytes of output, wanted ${wanted}`);
  return probabilities;
}

/** Lines that are not empty; classes without one are shown by number. */
function readLabels(path: string): string[] {
  const lines = String.UTF8.decode(read(path)).replaceAll("\r", "\n").split("\n");
  return lines.filter((line) => line.length > 0);
}

/** With one decimal, as C's %5.1f: the product of an f32 and 10 is exact in f64, and `nearest` rounds to even. */
function percent(probability: f32): string {
  const tenths = <i64>nearest<f64>(<f64>(probability * 100) * 10);
  return `${tenths / 10}.${tenths % 10}`.padStart(5);
}

function printLine(label: string, probability: f32): void {
  const length = probability > 0 ? <i32>(min<f32>(probability, 1) * <f32>BAR + 0.5) : 0;
  process.stdout.write(`${percent(probability)} % ${"█".repeat(length)}${"·".repeat(BAR - length)} ${label}\n`);
}

const labels: string[] = process.argv.length > 1 ? readLabels(process.argv[1]) : [];
const probabilities = infer();
const shown = new StaticArray<bool>(CLASSES);
for (let rank = 0; rank < BEST; rank++) {
  let best = -1;
  for (let i = 0; i < CLASSES; i++) {
    if (!shown[i] && (best < 0 || probabilities[i] > probabilities[best])) best = i;
  }
  shown[best] = true;
  printLine(best < labels.length ? labels[best] : `class ${best}`, probabilities[best]);
}
