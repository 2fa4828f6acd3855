//! The lossless tree that all three parsers build.
//!
//! A tree is flat: statements and words lie in two tables and name each other by index, so that no nesting of a hostile file
//! can exhaust the stack, and a file of 20 MB fits in memory. Each word knows its bytes in the file; what lies between words,
//! comments and the punctuation of blocks is blank. Parsers fill a tree through [`TreeBuilder`] and never fail.

pub(crate) mod template;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::source::{SourceFile, Span, Spanned};

/// How a word is quoted in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quote {
    #[default]
    None,
    Single,
    Double,
    /// A raw body, such as the Lua code of `content_by_lua_block`.
    Raw,
}

/// One word of a statement.
#[derive(Clone, Debug)]
pub struct Word {
    /// The bytes of the word, with its quotes.
    pub start: u32,
    pub end: u32,
    pub quote: Quote,
    /// Whether the word holds a placeholder of a template, so that its value is not known.
    pub template: bool,
    /// Where the tree keeps the value if it differs from the bytes between the quotes.
    cooked: u32,
}

/// What a parser has to say about one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub span: Span,
    pub message: Cow<'static, str>,
    pub help: Option<Cow<'static, str>>,
    /// False where the place may well be right on the server, as in a template.
    pub fatal: bool,
}

/// A control line of a template (`{% if x %}`), under which statements may or may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    pub start: u32,
    pub end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Node {
    start: u32,
    end: u32,
    words: u32,
    count: u32,
    parent: u32,
    next: u32,
    first: u32,
    last: u32,
    control: u32,
    block: bool,
}

/// The statements of one file.
#[derive(Clone, Debug)]
pub struct Tree {
    pub source: Arc<SourceFile>,
    nodes: Vec<Node>,
    words: Vec<Word>,
    /// The values of words that differ from their bytes.
    cooked: Vec<Box<str>>,
    first: u32,
    /// The bytes of each comment, its sign included, without the line end; in the order of the file.
    pub comments: Vec<Range<u32>>,
    pub controls: Vec<Control>,
}

impl Tree {
    /// The statements that stand in no block.
    pub fn statements(&self) -> Children<'_> {
        Children { tree: self, next: self.first }
    }

    pub fn get(&self, id: NodeId) -> Directive<'_> {
        Directive { tree: self, id }
    }

    /// Every statement, blocks before their content.
    pub fn all(&self) -> impl Iterator<Item = Directive<'_>> {
        (0..self.nodes.len() as u32).map(|index| self.get(NodeId(index)))
    }

    /// The statements that start at a byte or behind it.
    pub fn starting_at(&self, byte: u32) -> impl Iterator<Item = Directive<'_>> {
        (self.count_before(byte)..self.nodes.len() as u32).map(|index| self.get(NodeId(index)))
    }

    /// The last statement that starts before a byte.
    pub fn last_before(&self, byte: u32) -> Option<Directive<'_>> {
        self.count_before(byte).checked_sub(1).map(|index| self.get(NodeId(index)))
    }

    /// The statement that starts at a byte or was the last to start before it.
    pub fn statement_at(&self, byte: u32) -> Option<Directive<'_>> {
        self.last_before(byte + 1)
    }

    fn count_before(&self, byte: u32) -> u32 {
        self.nodes.partition_point(|node| node.start < byte) as u32
    }

    pub fn words(&self) -> &[Word] {
        &self.words
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether the file is a template that is still to be filled in.
    pub fn is_template(&self) -> bool {
        !self.controls.is_empty() || self.words.iter().any(|word| word.template)
    }

    /// The value of a word, as the server reads it: without quotes, escapes resolved.
    pub fn value<'t>(&'t self, word: &'t Word) -> &'t str {
        match self.cooked.get(word.cooked as usize) {
            Some(value) => value,
            None => self.source.slice(match word.quote {
                Quote::None | Quote::Raw => word.start..word.end,
                Quote::Single | Quote::Double => word.start + 1..word.end.saturating_sub(1).max(word.start + 1),
            }),
        }
    }

    pub fn span(&self, word: &Word) -> Span {
        self.source.span(word.start..word.end)
    }
}

/// One statement: its name, its arguments and, for a block, its content.
#[derive(Clone, Copy)]
pub struct Directive<'t> {
    pub tree: &'t Tree,
    pub id: NodeId,
}

impl std::fmt::Debug for Directive<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.tree.source.slice(self.head().start..self.head().end))
    }
}

impl<'t> Directive<'t> {
    fn node(&self) -> &'t Node {
        &self.tree.nodes[self.id.0 as usize]
    }

    /// Name and arguments.
    pub fn words(&self) -> &'t [Word] {
        let node = self.node();
        &self.tree.words[node.words as usize..(node.words + node.count) as usize]
    }

    pub fn name(&self) -> &'t str {
        self.words().first().map_or("", |word| self.tree.value(word))
    }

    pub fn name_span(&self) -> Span {
        self.words().first().map_or(self.span(), |word| self.tree.span(word))
    }

    pub fn args(&self) -> &'t [Word] {
        self.words().get(1..).unwrap_or_default()
    }

    /// The value of the argument at `index`, counted from 0.
    pub fn arg(&self, index: usize) -> Option<&'t str> {
        self.args().get(index).map(|word| self.tree.value(word))
    }

    pub fn values(&self) -> impl ExactSizeIterator<Item = &'t str> + use<'t> {
        let tree = self.tree;
        self.args().iter().map(move |word| tree.value(word))
    }

    pub fn spanned(&self, index: usize) -> Option<Spanned<&'t str>> {
        self.args().get(index).map(|word| Spanned::new(self.tree.value(word), self.tree.span(word)))
    }

    pub fn arg_span(&self, index: usize) -> Option<Span> {
        self.args().get(index).map(|word| self.tree.span(word))
    }

    /// The whole statement, with its terminator or its block.
    pub fn span(&self) -> Span {
        let node = self.node();
        self.tree.source.span(node.start..node.end)
    }

    /// Name and arguments without terminator and block: what a finding underlines.
    pub fn head(&self) -> Span {
        match (self.words().first(), self.words().last()) {
            (Some(first), Some(last)) => self.tree.source.span(first.start..last.end),
            _ => self.span(),
        }
    }

    pub fn is_block(&self) -> bool {
        self.node().block
    }

    pub fn children(&self) -> Children<'t> {
        Children { tree: self.tree, next: self.node().first }
    }

    pub fn last_child(&self) -> Option<Directive<'t>> {
        let last = self.node().last;
        (last != NONE).then_some(Directive { tree: self.tree, id: NodeId(last) })
    }

    pub fn parent(&self) -> Option<Directive<'t>> {
        let parent = self.node().parent;
        (parent != NONE).then_some(Directive { tree: self.tree, id: NodeId(parent) })
    }

    /// The template's control line that decides whether the statement is there at all.
    pub fn control(&self) -> Option<Span> {
        let control = self.tree.controls.get(self.node().control as usize)?;
        Some(self.tree.source.span(control.start..control.end))
    }

    /// Whether any word holds a placeholder of a template.
    pub fn has_template(&self) -> bool {
        self.words().iter().any(|word| word.template)
    }
}

/// Statements that follow one another in one block.
#[derive(Clone, Copy)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: u32,
}

impl<'t> Iterator for Children<'t> {
    type Item = Directive<'t>;

    fn next(&mut self) -> Option<Directive<'t>> {
        if self.next == NONE {
            return None;
        }
        let found = Directive { tree: self.tree, id: NodeId(self.next) };
        self.next = found.node().next;
        Some(found)
    }
}

/// Fills a [`Tree`] from the start of a file to its end.
pub struct TreeBuilder {
    tree: Tree,
    open: Vec<u32>,
    last_top: u32,
    pending: u32,
    control: Vec<u32>,
}

impl TreeBuilder {
    pub fn new(source: Arc<SourceFile>) -> Self {
        // Rather a little too much than to copy a large tree while it grows: what is not touched costs nothing.
        let length = source.len() as usize;
        let tree = Tree {
            source,
            nodes: Vec::with_capacity(length / 32),
            words: Vec::with_capacity(length / 8),
            cooked: Vec::new(),
            first: NONE,
            comments: Vec::new(),
            controls: Vec::new(),
        };
        TreeBuilder { tree, open: Vec::new(), last_top: NONE, pending: 0, control: Vec::new() }
    }

    /// Adds a word to the statement that is being read. `cooked` is its value where that differs from its bytes.
    pub fn word(&mut self, bytes: Range<u32>, quote: Quote, cooked: Option<String>) {
        self.push(bytes, quote, false, cooked);
    }

    /// Adds a word that holds a placeholder of a template.
    pub fn placeholder(&mut self, bytes: Range<u32>, quote: Quote, cooked: Option<String>) {
        self.push(bytes, quote, true, cooked);
    }

    fn push(&mut self, bytes: Range<u32>, quote: Quote, template: bool, cooked: Option<String>) {
        let index = if cooked.is_some() { self.tree.cooked.len() as u32 } else { NONE };
        self.tree.cooked.extend(cooked.map(String::into_boxed_str));
        self.tree.words.push(Word { start: bytes.start, end: bytes.end, quote, template, cooked: index });
        self.pending += 1;
    }

    /// How many words the statement has so far.
    pub fn pending(&self) -> usize {
        self.pending as usize
    }

    /// The words of the statement so far.
    pub fn pending_words(&self) -> &[Word] {
        &self.tree.words[self.tree.words.len() - self.pending as usize..]
    }

    pub fn value<'t>(&'t self, word: &'t Word) -> &'t str {
        self.tree.value(word)
    }

    /// Forgets the words of a statement that turned out to be none.
    pub fn discard(&mut self) {
        let keep = self.tree.words.len() - self.pending as usize;
        self.tree.words.truncate(keep);
        self.pending = 0;
    }

    /// Ends a statement without a block.
    pub fn simple(&mut self, bytes: Range<u32>) -> NodeId {
        self.add(bytes, false)
    }

    /// Ends the head of a block; what follows until [`TreeBuilder::close`] is its content.
    pub fn open(&mut self, bytes: Range<u32>) -> NodeId {
        let id = self.add(bytes, true);
        self.open.push(id.0);
        id
    }

    /// Ends the innermost block at byte `end`. Gives false where no block is open.
    pub fn close(&mut self, end: u32) -> bool {
        let Some(id) = self.open.pop() else { return false };
        self.tree.nodes[id as usize].end = end;
        true
    }

    /// How many blocks are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The innermost open block.
    pub fn current(&self) -> Option<Directive<'_>> {
        self.open.last().map(|id| self.tree.get(NodeId(*id)))
    }

    pub fn comment(&mut self, bytes: Range<u32>) {
        self.tree.comments.push(bytes);
    }

    /// A control line that opens a condition of the template (`{% if %}`, `{% for %}`).
    pub fn open_control(&mut self, bytes: Range<u32>) {
        self.control.push(self.tree.controls.len() as u32);
        self.tree.controls.push(Control { start: bytes.start, end: bytes.end });
    }

    /// A control line that closes the innermost condition of the template.
    pub fn close_control(&mut self) {
        self.control.pop();
    }

    /// Adds what another builder has read further down in the same file, where no block is open in this one.
    pub fn append(&mut self, below: TreeBuilder) {
        let counts = [self.tree.nodes.len(), self.tree.words.len(), self.tree.cooked.len(), self.tree.controls.len()];
        let [nodes, words, cooked, controls] = counts.map(|count| count as u32);
        let behind = |index: u32, count: u32| if index == NONE { NONE } else { index + count };
        let top = behind(below.tree.first, nodes);
        match self.last_top {
            NONE => self.tree.first = top,
            last => self.tree.nodes[last as usize].next = top,
        }
        if top != NONE {
            self.last_top = behind(below.last_top, nodes);
        }
        self.tree.words.extend(below.tree.words.into_iter().map(|word| Word { cooked: behind(word.cooked, cooked), ..word }));
        self.tree.nodes.extend(below.tree.nodes.into_iter().map(|node| Node {
            words: node.words + words,
            parent: behind(node.parent, nodes),
            next: behind(node.next, nodes),
            first: behind(node.first, nodes),
            last: behind(node.last, nodes),
            control: behind(node.control, controls),
            ..node
        }));
        self.tree.cooked.extend(below.tree.cooked);
        self.tree.comments.extend(below.tree.comments);
        self.tree.controls.extend(below.tree.controls);
        self.open.extend(below.open.into_iter().map(|open| open + nodes));
        self.control.extend(below.control.into_iter().map(|control| control + controls));
        self.pending = below.pending;
    }

    /// Ends the tree at the end of the file; blocks that are still open end there.
    pub fn finish(mut self) -> Tree {
        let end = self.tree.source.len();
        while self.close(end) {}
        self.discard();
        self.tree
    }

    fn add(&mut self, bytes: Range<u32>, block: bool) -> NodeId {
        let id = self.tree.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(NONE);
        let words = self.tree.words.len() as u32 - self.pending;
        let control = self.control.last().copied().unwrap_or(NONE);
        self.tree.nodes.push(Node {
            start: bytes.start,
            end: bytes.end,
            words,
            count: self.pending,
            parent,
            next: NONE,
            first: NONE,
            last: NONE,
            control,
            block,
        });
        self.pending = 0;
        self.link(id, parent);
        NodeId(id)
    }

    fn link(&mut self, id: u32, parent: u32) {
        let previous = if parent == NONE {
            std::mem::replace(&mut self.last_top, id)
        } else {
            std::mem::replace(&mut self.tree.nodes[parent as usize].last, id)
        };
        match (previous, parent) {
            (NONE, NONE) => self.tree.first = id,
            (NONE, parent) => self.tree.nodes[parent as usize].first = id,
            (previous, _) => self.tree.nodes[previous as usize].next = id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn blocks_nest_and_words_have_values() {
        let source = Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), b"a 'b' { c; } d;".to_vec()));
        let mut builder = TreeBuilder::new(source);
        builder.word(0..1, Quote::None, None);
        builder.word(2..5, Quote::Single, None);
        builder.open(0..7);
        builder.word(8..9, Quote::None, Some("see".into()));
        builder.simple(8..10);
        assert!(builder.close(12));
        builder.word(13..14, Quote::None, None);
        builder.simple(13..15);
        let tree = builder.finish();
        let top: Vec<_> = tree.statements().collect();
        assert_eq!((top[0].name(), top[0].arg(0), top[1].name()), ("a", Some("b"), "d"));
        let child = top[0].children().next().unwrap();
        assert_eq!((child.name(), child.parent().map(|p| p.id)), ("see", Some(top[0].id)));
        assert_eq!((top[0].span().end, top[0].head().end), (12, 5));
    }
}
