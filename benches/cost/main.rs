//! What a run costs: reading a config, and asking every method on every route of it.
//!
//! `cargo bench` prints times and, since every benchmark counts its bytes, a rate: cost is linear as long as the rate stays the
//! same from one size to the next. The table at the end says it as a ratio, which is the same on every machine.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark writes to a terminal and may stop at a mistake")]

mod apache;
mod dice;
mod haproxy;
mod nginx;
mod shapes;

use std::path::Path;
use std::time::{Duration, Instant};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use proxylint::dialect;
use proxylint::lint::{Input, Loaded, Machine};
use proxylint::pattern::Pattern;
use proxylint::server::{SERVERS, Server, Task};
use proxylint::source::{MemoryFiles, Settings};
use shapes::SHAPES;

/// Bytes of the configs.
const SIZES: [usize; 3] = [50_000, 200_000, 800_000];

fn main() {
    divan::main();
    growth();
    growth_of_shapes();
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn nginx_read(bencher: Bencher<'_, '_>, bytes: usize) {
    read(bencher, &Config::new("nginx", bytes));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn nginx_findings(bencher: Bencher<'_, '_>, bytes: usize) {
    findings(bencher, &Config::new("nginx", bytes));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn apache_read(bencher: Bencher<'_, '_>, bytes: usize) {
    read(bencher, &Config::new("apache", bytes));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn apache_findings(bencher: Bencher<'_, '_>, bytes: usize) {
    findings(bencher, &Config::new("apache", bytes));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn haproxy_read(bencher: Bencher<'_, '_>, bytes: usize) {
    read(bencher, &Config::new("haproxy", bytes));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn haproxy_findings(bencher: Bencher<'_, '_>, bytes: usize) {
    findings(bencher, &Config::new("haproxy", bytes));
}

/// A file that was found in a folder is looked at once.
#[divan::bench(args = ["nginx", "apache", "haproxy"])]
fn dialect_of_a_file(bencher: Bencher<'_, '_>, server: &str) {
    let config = Config::new(server, 64 * 1024);
    bencher
        .counter(BytesCount::of_str(&config.text))
        .bench_local(|| dialect::recognise(Path::new("site.conf"), black_box(&config.text)));
}

/// Creating and asking a pattern once, which is what most patterns of a config get.
#[divan::bench(args = ["^/api/v1/", r"\.(jpe?g|png|gif)$", r"^/v\d+/(?<id>[^/]+)$", r"^/(?!api)\w+"])]
fn pattern_asked_once(source: &str) -> Option<bool> {
    Pattern::new(black_box(source), false).matches(black_box("/api/v1/users/12.png"))
}

struct Config {
    server: &'static dyn Server,
    text: String,
}

impl Config {
    fn new(server: &str, bytes: usize) -> Config {
        let text = match server {
            "nginx" => nginx::config(bytes),
            "apache" => apache::config(bytes),
            _ => haproxy::config(bytes),
        };
        Config::of(server, text)
    }

    fn of(server: &str, text: String) -> Config {
        let server = *SERVERS.iter().find(|known| known.name() == server).expect("a known server");
        Config { server, text }
    }

    fn load(&self) -> Loaded {
        let (files, settings) = (MemoryFiles::default(), Settings::default());
        let machine = Machine { files: &files, settings: &settings, here: Path::new("/etc") };
        let input = Input { path: "/etc/main.conf".into(), content: Some(self.text.clone().into_bytes()) };
        let task = Task::new(self.server, None, Vec::new());
        Loaded::read(machine, self.server, &[input], &task).expect("the text is there")
    }
}

fn read(bencher: Bencher<'_, '_>, config: &Config) {
    bencher.counter(BytesCount::of_str(&config.text)).bench_local(|| config.load());
}

fn findings(bencher: Bencher<'_, '_>, config: &Config) {
    let loaded = config.load();
    bencher.counter(BytesCount::of_str(&config.text)).bench_local(|| loaded.findings());
}

/// Prints how many times longer sixteen times the bytes take: 16 is linear, 256 would be quadratic.
fn growth() {
    let [small, .., large] = SIZES;
    println!("\n{} times the bytes take       to read   to survey   findings", large / small);
    for server in SERVERS {
        print_growth(server.title(), [small, large].map(|bytes| Config::new(server.name(), bytes)));
    }
}

/// The same for one shape each, with four times as many things.
fn growth_of_shapes() {
    const COUNT: usize = 1_000;
    println!("\n4 times as many              to read   to survey   findings");
    for shape in SHAPES {
        print_growth(shape.name, [COUNT, 4 * COUNT].map(|count| Config::of(shape.server, shape.config(count))));
    }
}

fn print_growth(what: &str, configs: [Config; 2]) {
    let [(small_read, small_survey, _), (large_read, large_survey, found)] = configs.map(|config| {
        let (loaded, reading) = timed(|| config.load());
        let (findings, survey) = timed(|| loaded.findings());
        (reading, survey, findings.len())
    });
    let times = |large: Duration, small: Duration| large.as_secs_f64() / small.as_secs_f64();
    let (reading, survey) = (times(large_read, small_read), times(large_survey, small_survey));
    println!("{what:<27}{reading:>6.1} times{survey:>6.1} times{found:>11}");
}

/// The result, and the shortest of three times.
fn timed<T>(mut work: impl FnMut() -> T) -> (T, Duration) {
    let mut once = || {
        let start = Instant::now();
        let result = work();
        (start.elapsed(), result)
    };
    let ((first, result), (second, _), (third, _)) = (once(), once(), once());
    (result, first.min(second).min(third))
}
