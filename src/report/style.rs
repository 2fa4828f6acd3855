//! Colours, or none of them.

use anstyle::{AnsiColor, Style};

/// The styles of human output. Without colours all of them are plain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    pub strong: Style,
    pub faint: Style,
    pub place: Style,
    pub good: Style,
    pub bad: Style,
    pub doubt: Style,
}

impl Palette {
    pub const COLORED: Palette = Palette {
        strong: Style::new().bold(),
        faint: Style::new().dimmed(),
        place: AnsiColor::Cyan.on_default(),
        good: AnsiColor::Green.on_default().bold(),
        bad: AnsiColor::Red.on_default().bold(),
        doubt: AnsiColor::Yellow.on_default(),
    };

    pub fn new(colored: bool) -> Self {
        if colored { Palette::COLORED } else { Palette::default() }
    }
}
