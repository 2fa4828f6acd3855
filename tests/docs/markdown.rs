//! The parts of a Markdown page that tests look at.

/// A fenced block: what its fence says, and the lines between, with the number of the first of them (from 0).
pub(crate) struct Block<'t> {
    pub(crate) info: &'t str,
    pub(crate) first: usize,
    pub(crate) lines: Vec<&'t str>,
}

pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info, first: number + 1, lines: Vec::new() }),
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => block.lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is never closed");
    blocks
}

/// The lines outside of fenced blocks.
pub(crate) fn prose(text: &str) -> Vec<&str> {
    let inside: Vec<_> = blocks(text).iter().map(|block| block.first..block.first + block.lines.len()).collect();
    let is_prose = |number: &usize| !inside.iter().any(|lines| lines.contains(number));
    text.lines().enumerate().filter(|(number, _)| is_prose(number)).map(|(_, line)| line).collect()
}

/// The name that a heading gets as a link's target, as GitHub and mdBook make it.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>();
    kept.replace(' ', "-")
}
