//! The progress bar of runs that take long.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nobody misses a bar in a run that is shorter.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// A bar on standard error, where that is a terminal; it is gone before anything else is written.
pub(in crate::cli) struct Progress {
    bar: ProgressBar,
    /// Shows the bar when a second is over and the other end still stands.
    waiter: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Default for Progress {
    /// One that is never seen.
    fn default() -> Self {
        Progress { bar: ProgressBar::hidden(), waiter: Mutex::new(None) }
    }
}

impl Progress {
    pub(super) fn start() -> Progress {
        let is_dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if is_dumb || !io::stderr().is_terminal() {
            return Progress::default();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message("looking for configs");
        bar.set_style(style("{spinner} {msg} ({elapsed})"));
        let (alive, end) = channel();
        let shown = bar.clone();
        let waiter = thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Progress { bar, waiter: Mutex::new(Some((alive, waiter))) }
    }

    /// So many configs are to be linted.
    pub(super) fn expect(&self, count: usize) {
        if !self.is_shown() {
            return;
        }
        self.bar.set_position(0);
        self.bar.set_length(count as u64);
        self.bar.set_message(if count == 1 { "linting the config" } else { "linting configs" });
        if count > 1 {
            self.bar.set_style(style("{spinner} {msg} {bar:30} {pos}/{len} ({elapsed})"));
        }
    }

    /// One of them is done.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        let waiter = self.waiter.lock().ok().and_then(|mut waiter| waiter.take());
        if let Some((alive, waiter)) = waiter {
            drop(alive);
            let _ = waiter.join();
        }
        self.bar.finish_and_clear();
    }

    fn is_shown(&self) -> bool {
        self.waiter.lock().is_ok_and(|waiter| waiter.is_some())
    }
}

/// A bar goes on with its old style where a template cannot be read.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
