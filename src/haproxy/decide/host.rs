//! The Host header and the authority of the target, which HAProxy keeps alike (src/http_htx.c, src/h1.c).

use std::sync::Arc;

use super::request_line::is_tunnel;
use super::target::{self, Target};
use super::transaction::{Lines, Transaction, settle};
use crate::ask::Ask;
use crate::haproxy::value::Value;
use crate::server::Release;

impl Transaction<'_> {
    /// An absolute target loses the usual port of its scheme, and the Host header with it. Of CONNECT the header alone does.
    pub(super) fn normalize_scheme(&mut self, ask: &mut Ask<'_>) {
        let Value::Known(uri) = &self.uri else { return };
        if uri.starts_with('/') || self.config.release < Release(2, 4, 1) {
            return;
        }
        if self.is_connect(ask) {
            // A header that says something else is let through as it is, if at all.
            if !is_tunnel(uri, ask.request().header("host").as_deref()) {
                return;
            }
            let host = self.lines(ask, "host").map(|lines| lines.iter().map(|line| without_usual_port(line)).collect::<Lines>());
            self.headers.insert("host".into(), host);
            return;
        }
        let Some((normal, host)) = target::without_default_port(uri) else { return };
        if self.headers.contains_key("host") || ask.request().header("host").is_some() {
            self.headers.insert("host".into(), Value::Known(vec![host.into()]));
        }
        self.uri = Value::Known(normal.into());
        self.received_uri = self.uri.clone();
    }

    /// A new target names the host (http_update_host). Under CONNECT all of it is taken for the name. Whether that worked: a target
    /// may name none where it should.
    pub(super) fn update_host(&mut self, ask: &mut Ask<'_>) -> bool {
        self.names_host = self.uri.map(|uri| names_host(uri));
        let tunnel = self.is_connect(ask);
        if !tunnel && self.lacks_host(ask) {
            return false;
        }
        if self.lines(ask, "host") == Value::Known(Vec::new()) {
            return true;
        }
        let host = self.lines(ask, "host");
        let named = host.zip(&self.uri, |host, uri| {
            let authority = Target::new(uri).authority.filter(|authority| !authority.is_empty());
            authority.map_or_else(|| host.clone(), |authority| vec![if tunnel { Arc::clone(uri) } else { authority.into() }])
        });
        self.headers.insert("host".into(), named);
        !tunnel || self.update_authority(ask)
    }

    /// A new Host header goes into a target that names a host as well (http_update_authority). Whether that worked: a new path may
    /// have taken the place of all that the target was.
    pub(super) fn update_authority(&mut self, ask: &mut Ask<'_>) -> bool {
        if self.lacks_host(ask) {
            return false;
        }
        if matches!(&self.uri, Value::Known(uri) if Target::new(uri).authority.is_none()) {
            return true;
        }
        let host = self.lines(ask, "host");
        self.uri = self.uri.zip(&host, |uri, host| match host.last() {
            Some(host) => target::replace_authority(uri, host).into(),
            None => Arc::clone(uri),
        });
        true
    }

    /// Whether the target counts as one that names a host and names none.
    fn lacks_host(&self, ask: &mut Ask<'_>) -> bool {
        let lacks = self.names_host.zip(&self.uri, |names, uri| *names && Target::new(uri).authority.is_none_or(str::is_empty));
        settle(ask, &lacks, |_| false)
    }

    /// Whether the request came as CONNECT, which alone may have a target that is nothing but an authority.
    fn is_connect(&self, ask: &mut Ask<'_>) -> bool {
        let is_authority = |uri: &str| matches!(Target::new(uri), Target { scheme: None, authority: Some(_), .. });
        matches!(&self.received_uri, Value::Known(uri) if is_authority(uri)) && ask.method_is(self.config.special.connect)
    }
}

/// Whether a target has a form that names a host: it is neither a path nor an asterisk.
pub(super) fn names_host(target: &str) -> bool {
    !target.is_empty() && !target.starts_with(['/', '*'])
}

fn without_usual_port(host: &str) -> Arc<str> {
    let (name, port) = target::split_port(host);
    if port.is_some_and(|port| target::is_default_port(None, port)) { name.into() } else { host.into() }
}
