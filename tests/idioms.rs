//! Each idiom of `idioms/*.txt`: what a default run says about it, and where. Behind a bar in its title stands the release that it
//! is for. Where a file begins with `before` and `after`, these stand around every idiom, `after` where it has no backend.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Lines and what is said about them, as often as it is said: `error[method-check-ineffective]`.
type Said = Vec<(usize, String)>;

const MARK: &str = "#! ";

/// Files that the configs may name.
const FILES: &[(&str, &str)] = &[
    ("a.pem", ""),
    ("405.http", "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"),
    ("501.http", "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"),
    ("503.http", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
];

fn sorted(said: impl Iterator<Item = (usize, String)>) -> Said {
    let mut said: Said = said.collect();
    said.sort();
    said
}

/// What the marks of a config want: each speaks of the next line that is none.
fn wanted(config: &str) -> Said {
    let lines: Vec<&str> = config.lines().map(str::trim).collect();
    let marks = lines.iter().enumerate().filter_map(|(index, line)| Some((index, line.strip_prefix(MARK)?)));
    sorted(marks.map(|(index, mark)| {
        let below = lines[index..].iter().position(|line| !line.starts_with(MARK)).expect("a mark stands above a line");
        (index + below + 1, mark.to_owned())
    }))
}

fn said(server: &str, config: &str, flags: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("idiom.conf"), config).unwrap();
    FILES.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(["--format", "concise", "--server", server, "idiom.conf"])
        .args(flags)
        .current_dir(folder.path())
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap();
    // What cannot be read says nothing about methods, and would pass for silence.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{config}\n{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let finding = |line: &str| {
        let (line, rest) = line.strip_prefix("idiom.conf:")?.split_once(':')?;
        let rule = rest.split(' ').nth(1)?;
        Some((line.parse().ok()?, rule.to_owned()))
    };
    sorted(text.lines().filter_map(finding))
}

/// What is wrong with what is said about one idiom.
fn mistake(server: &str, title: &str, config: &str) -> Option<String> {
    let release = title.split_once(" | ").map(|(_, release)| format!("--target={server}={release}"));
    let said = |flags: &[&str]| {
        said(server, config, &release.iter().map(String::as_str).chain(flags.iter().copied()).collect::<Vec<_>>())
    };
    let (infos, wanted): (Said, Said) = wanted(config).into_iter().partition(|(_, rule)| rule.starts_with("info"));
    let said_by_default = said(&[]);
    if said_by_default != wanted {
        return Some(format!("{title}: {said_by_default:?} instead of {wanted:?}"));
    }
    let said_to_pedants = if infos.is_empty() { Said::new() } else { said(&["--pedantic"]) };
    (!infos.iter().all(|info| said_to_pedants.contains(info))).then(|| format!("{title}: {said_to_pedants:?} without {infos:?}"))
}

#[test]
fn idioms_are_spoken_of_and_their_neighbours_are_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/idioms");
    let mut mistakes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let server = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let blocks: Vec<_> = text.split("=== ").skip(1).filter_map(|block| block.split_once('\n')).collect();
        let (before, after, idioms) = match &blocks[..] {
            [("before", before), (_, after), idioms @ ..] => (*before, *after, idioms),
            idioms => ("", "", idioms),
        };
        assert!(idioms.len() > 20, "{}", path.display());
        for (title, idiom) in idioms {
            let after = if idiom.contains("\nbackend ") { "" } else { after };
            let config = [before, idiom, after].map(|part| format!("{}\n", part.trim_end())).concat();
            mistakes.extend(mistake(&server, title, &config));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
