//! Classifies one picture, as examples/classify.c does: reads fixture/model.xml, fixture/model.bin and
//! fixture/tensor.f32 (f32, 1x3x224x224), and prints the five best of the model's 1000 probabilities.
//!
//!     classify.wasm [LABELS]
//!
//! LABELS is a file with a name on each line.

use std::{env, fs, mem, process};
use wasi_nn::{ExecutionTarget, GraphBuilder, GraphEncoding, TensorType};

const CLASSES: usize = 1000;
const BEST: usize = 5;
const BAR: usize = 40;

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn infer() -> Result<Vec<f32>, String> {
    let model = [
        read_file("fixture/model.xml")?,
        read_file("fixture/model.bin")?,
    ];
    let pixels = read_file("fixture/tensor.f32")?;
    let mut probabilities = vec![0f32; CLASSES];
    let failed = |call: &'static str| move |error: wasi_nn::Error| format!("{call}: {error}");
    let graph = GraphBuilder::new(GraphEncoding::Openvino, ExecutionTarget::CPU)
        .build_from_bytes(model)
        .map_err(failed("load"))?;
    let mut context = graph
        .init_execution_context()
        .map_err(failed("init_execution_context"))?;
    context
        .set_input::<u8>(0, TensorType::F32, &[1, 3, 224, 224], &pixels)
        .map_err(failed("set_input"))?;
    context.compute().map_err(failed("compute"))?;
    let size = context
        .get_output(0, &mut probabilities)
        .map_err(failed("get_output"))?;
    let wanted = CLASSES * mem::size_of::<f32>();
    if size != wanted {
        return Err(format!(
            "the model has {size} bytes of output, wanted {wanted}"
        ));
    }
    Ok(probabilities)
}

fn print_line(class: usize, label: Option<&str>, probability: f32) {
    let length = ((probability * BAR as f32 + 0.5) as usize).min(BAR);
    let bar = "█".repeat(length) + &"·".repeat(BAR - length);
    let number = format!("class {class}");
    println!(
        "{:5.1} % {bar} {}",
        probability * 100.0,
        label.unwrap_or(&number)
    );
}

fn run() -> Result<(), String> {
    let text = match env::args().nth(1) {
        Some(path) => String::from_utf8_lossy(&read_file(&path)?).into_owned(),
        None => String::new(),
    };
    // Classes without a line are shown by number.
    let labels: Vec<&str> = text
        .split(['\r', '\n'])
        .filter(|line| !line.is_empty())
        .collect();
    let probabilities = infer()?;
    let mut order: Vec<usize> = (0..CLASSES).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    for &class in &order[..BEST] {
        print_line(class, labels.get(class).copied(), probabilities[class]);
    }
    Ok(())
}

fn main() {
    if let Err(message) = run() {
        eprintln!("{message}");
        process::exit(1);
    }
}
