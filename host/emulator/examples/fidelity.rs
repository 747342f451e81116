//! Writes `FIDELITY.md` again: `cargo run -p rbm-emulator --example fidelity > host/emulator/FIDELITY.md`.

#![expect(clippy::print_stdout, reason = "it is what it is for")]

fn main() {
    print!("{}", rbm_emulator::fidelity::markdown());
}
