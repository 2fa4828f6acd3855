//! Texts that a pattern may match, short and easy to read.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Texts to try, the plainest first. Some may not match: look-around and the like are not looked at.
pub(super) fn candidates(plain: &str) -> impl Iterator<Item = String> + use<> {
    let hir = ParserBuilder::new().utf8(false).unicode(false).nest_limit(100).build().parse(plain).ok();
    let tastes =
        (0..LETTERS.len() * 4).map(|index| Taste { variant: index / LETTERS.len(), letter: LETTERS[index % LETTERS.len()] });
    tastes.filter_map(move |taste| taste.write(hir.as_ref()?))
}

const LETTERS: [u8; 3] = *b"ax0";
const LONGEST: usize = 200;

/// How the free choices of a pattern are taken.
#[derive(Clone, Copy)]
struct Taste {
    /// Which alternative is taken; odd variants take what is optional as well.
    variant: usize,
    letter: u8,
}

impl Taste {
    fn write(self, hir: &Hir) -> Option<String> {
        let mut text = Vec::new();
        self.append(hir, &mut text)?;
        let readable = text.iter().all(u8::is_ascii_graphic);
        readable.then(|| String::from_utf8(text).ok())?
    }

    fn append(self, hir: &Hir, text: &mut Vec<u8>) -> Option<()> {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
            HirKind::Class(class) => text.push(self.member(class)?),
            HirKind::Capture(capture) => self.append(&capture.sub, text)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.append(part, text))?,
            HirKind::Alternation(ways) => self.append(&ways[self.variant % ways.len()], text)?,
            HirKind::Repetition(repetition) => {
                let optional = u32::from(self.variant % 2 == 1 && repetition.max != Some(0));
                for _ in 0..repetition.min.max(optional) {
                    self.append(&repetition.sub, text)?;
                    if text.len() > LONGEST {
                        return None;
                    }
                }
            }
        }
        (text.len() <= LONGEST).then_some(())
    }

    /// The letter itself, or the member that reads best in a URL.
    fn member(self, class: &Class) -> Option<u8> {
        let Class::Bytes(class) = class else { return None };
        let has = |byte: u8| class.ranges().iter().any(|range| range.start() <= byte && byte <= range.end());
        let by_kind = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z').chain(*b"-_./~").chain(b'!'..=b'~');
        std::iter::once(self.letter).chain(by_kind).find(|&byte| has(byte))
    }
}
