//! Which server takes a request, and which of its sections (`server/vhost.c`, `server/request.c`).

use super::expr::file_wildcard;
use super::site::section::{Matcher, Section, takes_path};
use super::site::{ApacheSite, Server};

/// The server for a request that arrives on an address, by the host it asks for; and whether that host was known.
pub(super) fn server<'s>(site: &'s ApacheSite, address: &str, port: u16, host: Option<&str>) -> (&'s Server, bool) {
    let Some(group) = site.hosts.group(address, port) else { return (site.main(), false) };
    let (index, known) = match host {
        Some(host) => {
            let host = host.trim_end_matches('.');
            if host.bytes().any(|c| c.is_ascii_uppercase()) {
                group.choose(&host.to_ascii_lowercase())
            } else {
                group.choose(host)
            }
        }
        None => (group.members.first().copied().unwrap_or(0), false),
    };
    (&site.servers[index], known)
}

/// The server whose `ServerPath` takes the path of a request that names no host (`check_serverpath`).
pub(super) fn server_by_path<'s>(site: &'s ApacheSite, address: &str, port: u16, path: &str) -> Option<&'s Server> {
    let group = site.hosts.group(address, port)?;
    let mut servers = group.members.iter().map(|index| &site.servers[*index]);
    servers.find(|server| server.path.as_deref().is_some_and(|own| takes_path(own, path)))
}

/// The first server of an address, which decides what is decided before the host is known.
pub(super) fn first_server<'s>(site: &'s ApacheSite, address: &str, port: u16) -> &'s Server {
    server(site, address, port, None).0
}

/// The sections of one kind that a server meets: the main server's before its own.
pub(super) fn sections<'s>(
    site: &'s ApacheSite,
    server: &'s Server,
    of: fn(&Server) -> &Vec<Section>,
) -> impl Iterator<Item = &'s Section> {
    let main = if std::ptr::eq(site.main(), server) { &[][..] } else { &of(site.main())[..] };
    main.iter().chain(of(server))
}

/// Whether a `<Directory>` takes a folder, given without a slash at its end, on the walk down to it.
pub(super) fn takes_folder(section: &Section, folder: &str) -> bool {
    match &section.matcher {
        Matcher::Path(own) => own.trim_end_matches('/') == folder,
        Matcher::Wild(pattern) => {
            let pattern = pattern.trim_end_matches('/');
            pattern.matches('/').count() == folder.matches('/').count() && file_wildcard(pattern, folder)
        }
        Matcher::Pattern(_) | Matcher::Open => false,
    }
}

/// How deep the folder of a `<Directory>` lies: shallow ones come first, whatever the order of the file.
pub(super) fn depth(section: &Section) -> usize {
    match &section.matcher {
        Matcher::Path(path) | Matcher::Wild(path) => path.trim_end_matches('/').matches('/').count(),
        Matcher::Pattern(_) | Matcher::Open => usize::MAX,
    }
}
