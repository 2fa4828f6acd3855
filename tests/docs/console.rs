//! Runs what stands in ```` ```console ```` blocks and compares what it prints with what the page shows.
//!
//! A line that starts with `$ ` is a command, `> ` continues it, the rest is its output. The blocks of a page run in order, in a
//! folder of their own that holds a copy of `samples`; so does a page's `cat > file`. A block such as ```` ```nginx,file=a.conf ````
//! is written there, too. `cargo run --release --` means the binary that cargo built for the tests. A status above 1 is wrong,
//! except in ```` ```console,fails ````.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::generated::hold;
use crate::markdown::{Block, blocks};
use crate::{pages, root};

#[test]
fn commands_print_what_the_pages_show() {
    let mut run = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("samples"), &folder.path().join("samples"));
        let (fresh, commands) = replay(&text, folder.path());
        run += commands;
        hold(page.strip_prefix(root()).unwrap().to_str().unwrap(), &fresh);
    }
    assert!(run > 10, "the pages hold only {run} commands");
}

/// The page with the outputs that its commands have today, and how many commands there are.
fn replay(text: &str, folder: &Path) -> (String, usize) {
    let mut lines: Vec<String> = Vec::new();
    let mut next = 0;
    let mut run = 0;
    let all: Vec<&str> = text.lines().collect();
    for block in blocks(text) {
        if let Some((_, name)) = block.info.split_once(",file=") {
            let place = folder.join(name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, block.lines.join("\n") + "\n").unwrap();
        }
        let Some(("console", kind)) = block.info.split_once(',').or(Some((block.info, ""))) else { continue };
        lines.extend(all[next..block.first].iter().map(|line| (*line).to_owned()));
        next = block.first + block.lines.len();
        let mut status = 0;
        for command in commands(&block) {
            let (output, now) = shell(&command.join("\n"), status, folder);
            status = now;
            assert!((status > 1) == (kind == "fails"), "`{}` ends with {status}:\n{output}", command.join("\n"));
            run += 1;
            let (first, further) = command.split_first().unwrap();
            lines.push(format!("$ {first}"));
            lines.extend(further.iter().map(|line| format!("> {line}")));
            lines.extend(output.lines().map(|line| line.trim_end().to_owned()));
        }
    }
    lines.extend(all[next..].iter().map(|line| (*line).to_owned()));
    (lines.join("\n") + "\n", run)
}

/// The commands of a block, each with its further lines.
fn commands<'t>(block: &Block<'t>) -> Vec<Vec<&'t str>> {
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(vec![command]);
        } else if let (Some(further), Some(last)) = (line.strip_prefix("> "), commands.last_mut()) {
            last.push(further);
        }
    }
    assert!(!commands.is_empty(), "a console block without a command:\n{}", block.lines.join("\n"));
    commands
}

/// Runs a command as a reader would, with `$?` as the command before left it.
fn shell(command: &str, status: i32, folder: &Path) -> (String, i32) {
    let binary = Path::new(env!("CARGO_BIN_EXE_proxylint"));
    let mut path = std::ffi::OsString::from(binary.parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let script = format!("(exit {status})\n{}", command.replace("cargo run --release -- ", "proxylint "));
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env_remove("GITHUB_ACTIONS")
        .env_remove("CI")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code().unwrap())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
