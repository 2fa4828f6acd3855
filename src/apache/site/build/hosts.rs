//! Virtual hosts, and what they inherit from the main server.

use std::sync::Arc;

use rayon::prelude::*;

use super::Builder;
use crate::apache::read::Statement;
use crate::apache::site::{Context, Server};

impl<'c> Builder<'c> {
    /// Reads the virtual hosts, of which none knows of another.
    pub(super) fn virtual_hosts(&mut self) {
        /// To share less would cost more than it saves.
        const FEW: usize = 64;
        let hosts = std::mem::take(&mut self.waiting);
        let share = hosts.len().div_ceil(rayon::current_num_threads()).max(FEW);
        let read = |hosts: &[Statement<'c>]| {
            let Context { config, universe, registry, .. } = self.context;
            let mut builder = Builder::new(self.reader, config, universe, registry);
            hosts.iter().for_each(|host| builder.virtual_host(*host));
            builder
        };
        let parts: Vec<Builder<'c>> = hosts.par_chunks(share).map(read).collect();
        parts.into_iter().for_each(|part| self.join(part));
    }

    /// Takes the virtual hosts that another builder has read.
    fn join(&mut self, part: Builder<'c>) {
        let before = self.servers.len() - 1;
        self.servers.extend(part.servers.into_iter().skip(1).map(|server| Server { index: server.index + before, ..server }));
        self.addresses.extend(part.addresses.into_iter().map(|(server, addresses)| (server + before, addresses)));
        for (name, balancer) in part.balancers {
            self.balancers.entry(name).or_default().members.extend(balancer.members);
        }
        self.listens.extend(part.listens);
        self.context.findings.extend(part.context.findings);
    }

    fn virtual_host(&mut self, statement: Statement<'c>) {
        let addresses: Vec<String> = statement.args().into_iter().map(|word| word.into_owned()).collect();
        if addresses.is_empty() {
            self.refuse(statement, "`<VirtualHost>` needs an address such as `*:80`");
            return;
        }
        let server = self.servers.len();
        self.servers.push(Server { span: Some(statement.span()), index: server, ..Server::default() });
        self.addresses.push((server, addresses));
        self.server(statement.children(), server);
    }

    /// Lists the virtual hosts by address and name, once all names are known.
    pub(super) fn finish_hosts(&mut self) {
        let main = self.servers[0].names.name.clone();
        for (server, addresses) in std::mem::take(&mut self.addresses) {
            let names = &mut self.servers[server].names;
            if names.name.is_none() {
                names.name.clone_from(&main);
            }
            for address in addresses {
                let names = &self.servers[server].names;
                // An address that is a name is looked up when httpd starts; which one it is cannot be told here.
                self.hosts.add(&address, server, names);
            }
        }
    }

    /// `RewriteOptions Inherit` in a virtual host, `InheritDown` in the main server (`config_server_merge`).
    pub(super) fn inherit_rewrite(&mut self) {
        let (main, hosts) = self.servers.split_at_mut(1);
        let base = &main[0].rewrite;
        for host in hosts {
            let own = &host.rewrite;
            let options = if own.options.set { own.options } else { base.options };
            let after = options.inherit || (base.options.inherit_down && !options.ignore_inherit);
            let before = options.inherit_before || (base.options.inherit_down_before && !options.ignore_inherit);
            if !after && !before {
                continue;
            }
            let (first, second) = if after { (&own.rules, &base.rules) } else { (&base.rules, &own.rules) };
            host.rewrite.merged = Some(first.iter().chain(second).cloned().collect());
            for (name, map) in &base.maps {
                host.rewrite.maps.entry(name.clone()).or_insert_with(|| Arc::clone(map));
            }
        }
    }
}
