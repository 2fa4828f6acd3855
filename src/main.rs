//! Arguments in, exit status out.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use proxylint::cli;

#[cfg(not(any(target_env = "musl", target_family = "wasm")))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Not locked: the language server writes from a thread of its own.
    let mut out = BufWriter::new(io::stdout());
    let result = cli::run(std::env::args_os(), &mut out).and_then(|status| {
        out.flush()?;
        Ok(status)
    });
    match result {
        Ok(status) => status.into(),
        // Whoever reads the output has seen enough, as in `proxylint | head`.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Where even this cannot be written, the status has to do.
            let _ = failure.print(&mut io::stderr());
            cli::Status::Failed.into()
        }
    }
}
