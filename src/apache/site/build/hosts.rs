//! Virtual hosts, and what they inherit from the main server.

use std::sync::Arc;

use super::Builder;
use crate::apache::read::Statement;
use crate::apache::site::Server;

impl Builder<'_, '_, '_> {
    pub(super) fn virtual_host(&mut self, statement: Statement<'_>) {
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
