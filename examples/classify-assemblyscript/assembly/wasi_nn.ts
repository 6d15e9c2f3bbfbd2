// The six functions of wasi-nn.witx, and what they take. Each returns an errno, 0 for success.

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "load")
export declare function load_graph(builders: usize, count: u32, encoding: u32, target: u32, graph: usize): u32;

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "load_by_name")
export declare function load_by_name(name: usize, length: u32, graph: usize): u32;

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "init_execution_context")
export declare function init_execution_context(graph: u32, context: usize): u32;

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "set_input")
export declare function set_input(context: u32, index: u32, tensor: usize): u32;

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "compute")
export declare function compute(context: u32): u32;

// @ts-ignore: decorator
@external("wasi_ephemeral_nn", "get_output")
export declare function get_output(context: u32, index: u32, buffer: usize, capacity: u32, size: usize): u32;

export const ENCODING_OPENVINO: u32 = 0;
export const TARGET_CPU: u32 = 0;
export const TYPE_F32: u8 = 1;

/** $graph_builder: some bytes of a model; 8 bytes. */
@unmanaged export class GraphBuilder {
  data: usize = 0;
  size: u32 = 0;
}

/** $tensor; 20 bytes, of which the three after `type` are padding. */
@unmanaged export class Tensor {
  dimensions: usize = 0;
  dimensionCount: u32 = 0;
  type: u8 = 0;
  data: usize = 0;
  size: u32 = 0;
}

export function errnoText(error: u32): string {
  const texts = [
    "success",
    "invalid argument",
    "invalid encoding: the host has no backend for the model's format",
    "missing memory: the guest must export its memory",
    "busy: too many graphs or execution contexts",
    "runtime error: the model could not be loaded or computed, or a call before is missing",
    "unsupported operation: the host lacks the device or the function",
    "too large: a buffer, a tensor or the model",
    "not found: the host knows no model of that name",
  ];
  return error < <u32>texts.length ? texts[error] : "unknown error";
}
