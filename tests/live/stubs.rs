//! Upstreams that answer 200 and note which requests they get.

mod ajp;
mod fastcgi;
mod http;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::Outcome;

/// The port, method and target of a request that reached a stub.
pub(crate) type Reached = (u16, String, String);

#[derive(Clone, Default)]
pub(crate) struct Stubs {
    reached: Arc<Mutex<Vec<Reached>>>,
}

type Answer = fn(TcpStream, u16, &Stubs) -> io::Result<()>;

impl Stubs {
    /// HTTP on 18081 to 18089, where 18088 answers 405 and 18089 answers 501; FastCGI on 18091 to 18093; AJP on 18095 and 18096.
    pub(crate) fn start() -> Outcome<Stubs> {
        let stubs = Stubs::default();
        let http = (18081..=18089).map(|port| (port, http::answer as Answer));
        let fastcgi = (18091..=18093).map(|port| (port, fastcgi::answer as Answer));
        let ajp = (18095..=18096).map(|port| (port, ajp::answer as Answer));
        for (port, answer) in http.chain(fastcgi).chain(ajp) {
            stubs.listen(port, answer)?;
        }
        Ok(stubs)
    }

    fn listen(&self, port: u16, answer: Answer) -> io::Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let stubs = self.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let stubs = stubs.clone();
                // A connection that breaks is the proxy's affair: the proxy's response will show it.
                thread::spawn(move || {
                    let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
                    let _ = answer(connection, port, &stubs);
                });
            }
        });
        Ok(())
    }

    fn note(&self, port: u16, method: String, target: String) {
        if let Ok(mut reached) = self.reached.lock() {
            reached.push((port, method, target));
        }
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<Reached> {
        self.reached.lock().map(|mut reached| std::mem::take(&mut *reached)).unwrap_or_default()
    }
}
