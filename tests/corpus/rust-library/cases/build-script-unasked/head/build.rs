use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let _ = Command::new("sh").args(["-c", "id > \"$OUT_DIR/who\""]).status();
}
