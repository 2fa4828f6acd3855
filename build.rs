//! Turns the directive tables of `grammars/` into sorted statics, so that no run parses them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::{env, fs, path::Path};

use serde::Deserialize;

/// A line of a table; `grammars/README.md` tells what the columns mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    r#in: Option<String>,
    #[serde(default)]
    args: String,
    #[serde(default)]
    block: bool,
    #[serde(default)]
    prefix: bool,
    #[serde(default)]
    htaccess: String,
    since: Option<String>,
    until: Option<String>,
    value: Option<String>,
    #[serde(default)]
    once: bool,
}

type Tables = BTreeMap<String, BTreeMap<String, Row>>;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=grammars");
    let mut code = String::new();
    for server in ["nginx", "apache", "haproxy"] {
        let text = fs::read_to_string(format!("grammars/{server}.toml"))?;
        let tables: Tables = toml::from_str(&text).map_err(|error| format!("grammars/{server}.toml: {error}"))?;
        let mut entries = Vec::new();
        for (module, rows) in &tables {
            for (name, row) in rows {
                entries.push((name.trim_matches(['<', '>']), entry(module, name, row)?));
            }
        }
        entries.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        let server = server.to_uppercase();
        writeln!(code, "static {server}_ENTRIES: &[Entry] = &[")?;
        entries.iter().try_for_each(|(_, entry)| writeln!(code, "    {entry},"))?;
        writeln!(code, "];")?;
        writeln!(code, "static {server}_STARTS: [u64; {}] = starts({server}_ENTRIES);", entries.len())?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("tables.rs"), code)?;
    Ok(())
}

fn entry(module: &str, name: &str, row: &Row) -> Result<String, Box<dyn Error>> {
    let bare = name.trim_matches(['<', '>']);
    let contexts: Vec<&str> = row.r#in.as_deref().map_or(vec![module], |list| list.split(' ').collect());
    let overrides: Vec<&str> = row.htaccess.split_whitespace().collect();
    let (arity, block, prefix) = (arity(&row.args)?, row.block || bare != name, row.prefix);
    let (since, until) = (release(&row.since, 0)?, release(&row.until, u16::MAX)?);
    let (value, once) = (value(row.value.as_deref()), row.once);
    Ok(format!(
        "Entry {{ name: {bare:?}, module: {module:?}, contexts: &{contexts:?}, arity: {arity}, block: {block}, \
         prefix: {prefix}, overrides: &{overrides:?}, since: {since}, until: {until}, value: {value}, once: {once} }}"
    ))
}

/// Reads the name of a type, or the words that are taken, separated by `|`.
fn value(text: Option<&str>) -> String {
    match text {
        None => "None".to_owned(),
        Some("number") => "Some(Value::Number)".to_owned(),
        Some("size") => "Some(Value::Size)".to_owned(),
        Some("offset") => "Some(Value::Offset)".to_owned(),
        Some("time") => "Some(Value::Time)".to_owned(),
        Some("seconds") => "Some(Value::Seconds)".to_owned(),
        Some("buffers") => "Some(Value::Buffers)".to_owned(),
        Some(words) => format!("Some(Value::Words(&{:?}))", words.split('|').collect::<Vec<_>>()),
    }
}

/// Reads `1`, `1-3`, `2+`, `1|3`, `flag`, `raw` or nothing.
fn arity(text: &str) -> Result<String, Box<dyn Error>> {
    match text {
        "" => return Ok("Arity::Unknown".to_owned()),
        "raw" => return Ok("Arity::Raw".to_owned()),
        "flag" => return Ok("Arity::Flag".to_owned()),
        _ => {}
    }
    let mut counts = 0u16;
    for part in text.split('|') {
        let (least, most) = match (part.strip_suffix('+'), part.split_once('-')) {
            (Some(least), _) => (least.parse::<u32>()?, 15),
            (None, Some((least, most))) => (least.parse()?, most.parse()?),
            (None, None) => (part.parse()?, part.parse()?),
        };
        (least..=most).for_each(|count| counts |= 1 << count);
    }
    Ok(format!("Arity::Counts({counts:#b})"))
}

/// A part of the release that is not written is `rest`: removed after "2.3" is removed after its last patch.
fn release(text: &Option<String>, rest: u16) -> Result<String, Box<dyn Error>> {
    let Some(text) = text else { return Ok("None".to_owned()) };
    let mut parts = text.split('.').map(str::parse::<u16>).collect::<Result<Vec<_>, _>>()?;
    parts.resize(3, rest);
    Ok(format!("Some(Release({}, {}, {}))", parts[0], parts[1], parts[2]))
}
