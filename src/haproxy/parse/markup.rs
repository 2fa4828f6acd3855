//! Configs that are still to be filled in: HAProxy knows no templates, and most of its templates are Jinja, ERB or Go.

use std::borrow::Cow;
use std::ops::Range;

use crate::syntax::TreeBuilder;
use crate::syntax::template::{TagKind, tag};

/// A file's text in which each tag is blanked or, where it stands for a word, made one; bytes keep their places.
pub(super) struct Markup<'t> {
    pub(super) text: Cow<'t, [u8]>,
    tags: Vec<(Range<u32>, TagKind)>,
    /// The tags that stand for a part of a line.
    words: Vec<Range<u32>>,
}

impl<'t> Markup<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        let mut markup = Markup { text: Cow::Borrowed(text), tags: Vec::new(), words: Vec::new() };
        let mut at = 0;
        while let Some(skipped) = text[at..].iter().position(|byte| matches!(byte, b'{' | b'<')) {
            at += skipped;
            match tag(text, at).filter(|_| is_tag(&text[at..])) {
                Some(found) => {
                    markup.take(text, at..found.end, found.kind, found.expression);
                    at = found.end;
                }
                None => at += 1,
            }
        }
        markup
    }

    fn take(&mut self, text: &[u8], bytes: Range<usize>, kind: TagKind, expression: bool) {
        let alone = stands_alone(text, &bytes);
        let masked = &mut self.text.to_mut()[bytes.clone()];
        let sign = if expression && !alone { b'x' } else { b' ' };
        masked.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = sign);
        let bytes = bytes.start as u32..bytes.end as u32;
        if !alone {
            self.words.push(bytes.clone());
        }
        if !expression || alone {
            self.tags.push((bytes, kind));
        }
    }

    /// Tells the tree of the tags that start in the line with these bytes.
    pub(super) fn tell(&self, line: &Range<u32>, builder: &mut TreeBuilder) {
        let first = self.tags.partition_point(|(tag, _)| tag.start < line.start);
        for (tag, kind) in self.tags[first..].iter().take_while(|(tag, _)| tag.start < line.end) {
            match kind {
                TagKind::Open => builder.open_control(tag.clone()),
                TagKind::Else => {
                    builder.close_control();
                    builder.open_control(tag.clone());
                }
                TagKind::Close => builder.close_control(),
                TagKind::Comment => builder.comment(tag.clone()),
                TagKind::Other => {
                    builder.open_control(tag.clone());
                    builder.close_control();
                }
            }
        }
    }

    /// Whether a word of a line is, or is followed by, a tag: what it will be is not known.
    pub(super) fn touches(&self, word: &Range<u32>) -> bool {
        let next = self.words.partition_point(|tag| tag.end <= word.start);
        self.words.get(next).is_some_and(|tag| tag.start <= word.end + 1)
    }
}

/// Log formats hold braces and percent signs of their own: `{%[src]}`, `<%ci>`. Tags of statements go on with a blank.
fn is_tag(text: &[u8]) -> bool {
    match text {
        [b'{' | b'<', b'%', sign, ..] => matches!(sign, b' ' | b'\t' | b'\n' | b'-' | b'=' | b'+' | b'#'),
        [b'{', b'{' | b'#', ..] => true,
        _ => false,
    }
}

fn stands_alone(text: &[u8], bytes: &Range<usize>) -> bool {
    let before = text[..bytes.start].iter().rev().take_while(|byte| **byte != b'\n');
    let after = text[bytes.end..].iter().take_while(|byte| **byte != b'\n');
    before.chain(after).all(u8::is_ascii_whitespace)
}
