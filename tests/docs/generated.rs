//! Files that are written by a test.

use std::fs;

use crate::root;

/// Holds a file against what it should be. With `UPDATE=1` the file is written instead.
pub(crate) fn hold(path: &str, fresh: &str) {
    let place = root().join(path);
    let stored = fs::read_to_string(&place).unwrap_or_default();
    if stored == fresh {
        return;
    }
    if wants_update() {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, fresh).unwrap();
        return;
    }
    let line = stored.lines().zip(fresh.lines()).position(|(old, new)| old != new);
    let line = line.unwrap_or(stored.lines().count().min(fresh.lines().count()));
    let shown = |text: &str| text.lines().nth(line).unwrap_or("(end of file)").to_owned();
    panic!(
        "{path} is stale: line {} is\n    {}\nand should be\n    {}\nwrite it anew with `UPDATE=1 cargo test --test docs`",
        line + 1,
        shown(&stored),
        shown(fresh)
    );
}

pub(crate) fn wants_update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}
