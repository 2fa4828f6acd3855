//! What the frontend captures of a request, for its logs and its rules (src/http_ana.c, http_capture_headers; src/http_act.c).

use super::fetch::text_of;
use super::transaction::Transaction;
use crate::ask::Ask;
use crate::haproxy::site::capture::Slot;
use crate::haproxy::site::sample::Sample;
use crate::haproxy::value::{Data, Value};

impl Transaction<'_> {
    /// Whether the first line is kept: something of the frontend asks for it, and it has been read.
    pub(super) fn has_first_line(&self) -> bool {
        self.is_taken_in && self.frontend.captures_request
    }

    /// `capture request header`: the last line of each header, as far as somebody looks at it.
    pub(super) fn capture_headers(&mut self, ask: &mut Ask<'_>) {
        let slots = self.frontend.slots.iter().enumerate();
        for (index, slot) in slots.filter(|(index, _)| self.config.reads.slots.contains(index)) {
            let Some(name) = &slot.header else { continue };
            let line = self.lines(ask, name).map(|lines| lines.last().map_or(Data::Nothing, |line| slot.cut(line)));
            if line != Value::Known(Data::Nothing) {
                self.captures.insert(index, line);
            }
        }
    }

    /// `http-request capture`. A sample that gives nothing leaves the slot as it is.
    pub(super) fn capture(&mut self, ask: &mut Ask<'_>, sample: &Sample, index: usize) {
        let Some(slot) = self.frontend.slots.get(index) else { return };
        let old = self.captured_header(index);
        let new = self.value(ask, sample);
        let kept = old.zip(&new, |old, new| match new.last() {
            Some(_) => slot.cut(&text_of(new)),
            None => old.clone(),
        });
        self.captures.insert(index, kept);
    }

    pub(super) fn captured_header(&self, index: usize) -> Value<Data> {
        self.captures.get(&index).cloned().unwrap_or(Value::Known(Data::Nothing))
    }
}

impl Slot {
    /// What fits in.
    fn cut(&self, text: &str) -> Data {
        let end = (0..=self.length.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        Data::text(&text[..end.unwrap_or(0)])
    }
}
