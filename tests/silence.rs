//! What people have in their repositories and what is right: templates, pieces of configs, files of other programs. A default
//! run says nothing about them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::Path;
use std::process::Command;

/// The default findings about a folder that holds one file, one a line.
fn said(name: &str, text: &str) -> String {
    said_of(&[(name, text)])
}

/// The same for a folder of several files; `@ROOT@` in them stands for its path.
fn said_of(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(&path, text.replace("@ROOT@", &folder.path().to_string_lossy())).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(["--format", "concise", "."])
        .current_dir(folder.path())
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{} is linted", files[0].0);
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn silent(name: &str, text: &str) {
    assert_eq!(said(name, text), "", "{name}");
}

const JINJA: &str = "{% set level = data['level'] %}
global
    log stdout {{ level | default('info') }}

defaults
    mode http

{% for port, hosts in data.items() %}
frontend http_in_{{ port }}
    bind *:{{ port }}{% if data.tls %} ssl crt /etc/certs/{% endif %}

    default_backend {{ hosts.first }}
{% endfor %}

backend app
    mode http
{%- for server in servers %}
    server {{ server.name }} {{ server.address }}:{{ server.port }} check {{ 'backup' if loop.last else '' }}
{%- endfor %}
";

const GO: &str = "{{- /*
  * What stands here is no config.
  */ -}}
{{- define \"proxies\" }}
    mode http
{{- end }}
{{- range $name, $backend := .Backends }}
backend {{ $name }}
  {{ template \"proxies\" . }}
  {{- if $backend.Auth }}
  http-request deny if { path /secret }
  {{- else if gt $backend.Weight 0 }}
  balance roundrobin
  {{- end }}
  {{- range .Servers }}
  server {{ .Name }} {{ .Address }} weight {{ $backend.Weight }}
  {{- end }}
{{- end }}
";

const ERB: &str = "listen <%= @title %>
    bind <%= @address %>:<%= @port_frontend %><% if @tls %> ssl crt /etc/x.pem<% end %>

    mode http
<% @servers.each do |server| -%>
    server <%= server %> <%= scope.resolve([server]) %>:<%= @port_backend %> check inter 1s
<% end -%>
";

#[test]
fn templates_of_haproxy_configs() {
    silent("haproxy.cfg.j2", JINJA);
    silent("haproxy.tmpl", GO);
    silent("templates/haproxy.cfg.erb", ERB);
}

#[test]
fn a_mistake_in_one_line_of_a_template_is_one_all_the_same() {
    let text = format!("{JINJA}    http-request deny if METH_PUT METH_DELETE\n");
    assert!(said("haproxy.cfg.j2", &text).contains("error[method-check-ineffective]"));
}

#[test]
fn templates_of_nginx_configs() {
    silent(
        "nginx.conf",
        "events {}\nhttp {\n    server_tokens {TOKENS};\n    server {\n        index {INDEX_FILE};\n        location / {\n            return 204;\n        }\n    }\n}\n",
    );
    silent(
        "nginx/10-php.conf",
        "location ~ \\.php$ {\n    client_max_body_size <MAX_BODY_SIZE>;\n    fastcgi_read_timeout <PHP_TIMEOUT>;\n    fastcgi_pass php;\n}\n",
    );
    let define = "events {}\nhttp {\n    server {\n        {{ template \"CORS\" $cors }}\n        location / {\n            return 204;\n        }\n    }\n}\n";
    silent(
        "nginx.tmpl",
        &format!("{define}{{{{ define \"CORS\" }}}}\nif ($x) {{\n    set $y 1;\n}}\nlocation /a {{\n}}\n{{{{ end }}}}\n"),
    );
    silent(
        "nginx.erb",
        "server {\n    listen 80;\n<% if @ldf -%>\n    location ~ ^/(a|b) {\n<% else -%>\n    location ~ ^/a {\n<% end -%>\n        return 204;\n    }\n}\n",
    );
}

#[test]
fn pieces_of_nginx_configs() {
    silent(
        "nginx/cors.conf",
        "if ($request_method = OPTIONS) {\n    add_header Access-Control-Max-Age 600;\n    return 204;\n}\n",
    );
    silent("nginx/php.conf", "location ~ \\.php$ {\n    fastcgi_pass unix:/run/php.sock;\n}\n");
    silent("nginx/streams.conf", "server {\n    listen 443;\n    ssl_preread on;\n    proxy_pass backend;\n}\n");
    silent(
        "nginx/example.conf",
        "http {\n    server {\n        listen 443 ssl;\n        limit_req zone=api;\n        access_log /var/log/a main;\n        location / {\n            return 204;\n        }\n    }\n}\n",
    );
    silent(
        "nginx/quic.conf",
        "server {\n    listen 443 quic;\n    listen 443 ssl;\n    location / {\n        return 204;\n    }\n}\n",
    );
    silent(
        "nginx/whole.conf",
        "http {\n    server {\n        listen 80;\n        location / {\n            return 204;\n        }\n    }\n}\n",
    );
    silent(
        "nginx/stream.conf",
        "events {}\nstream {\n    lua_shared_dict d 5M;\n    server {\n        listen 1;\n        preread_by_lua_block {\n            x()\n        }\n        proxy_pass a:1;\n    }\n}\n",
    );
}

#[test]
fn pieces_of_apache_configs() {
    silent(
        "apache/custom.d/bots.conf",
        "BrowserMatchNoCase bot bad_bot\n<RequireAny>\n    <RequireAll>\n        Require all granted\n        Require not env bad_bot\n    </RequireAll>\n</RequireAny>\n",
    );
    silent("apache/pool.conf", "<Proxy fcgi://<PHP_SOCKET>>\n    ProxySet timeout=<PHP_TIMEOUT>\n</Proxy>\n");
    silent("apache/auth-ldap.conf", "AuthType Basic\nAuthName \"wiki\"\nAuthBasicProvider ldap\nRequire valid-user\n");
    silent(
        "apache/ssl.conf",
        "LoadModule ssl_module modules/mod_ssl.so\n<VirtualHost *:443>\n    DirectoryIndex a.php\n    AddType x/y .z\n</VirtualHost>\n",
    );
    silent(
        "apache/jk.conf",
        "<IfModule mod_jk.c>\n    JkLogLevel info\n</IfModule>\n<VirtualHost *:80>\n    RGroups www-data\n</VirtualHost>\n",
    );
    silent(
        "apache/site.conf.erb",
        "<VirtualHost *:80>\n    <%- if @port -%>\n    ProxyPass / http://127.0.0.1:<%= @port %>/\n    <%- else -%>\n    ProxyPass / http://127.0.0.1:8001/\n    <%- end -%>\n</VirtualHost>\n",
    );
}

/// The main server lets no `.htaccess` file say anything, and the other virtual host knows nothing of the folder.
#[test]
fn own_files_of_folders_that_one_host_serves() {
    let modules = ["mpm_event", "rewrite", "dir", "authz_core"]
        .map(|name| format!("LoadModule {name}_module modules/mod_{name}.so\n"))
        .concat();
    let hosts = "Listen 127.0.0.1:80
<VirtualHost *:80>
    ServerName a.test
    DocumentRoot \"@ROOT@/a\"
    <Directory \"@ROOT@/a\">
        AllowOverride All
        Require all granted
    </Directory>
</VirtualHost>
<VirtualHost *:80>
    ServerName b.test
    DocumentRoot \"@ROOT@/b\"
</VirtualHost>
";
    let own = "RewriteEngine On\nRewriteRule ^old$ new [L]\n";
    let config = format!("{modules}{hosts}");
    let said = |host| said_of(&[("httpd.conf", &config), (host, own), ("a/index.html", ""), ("b/index.html", "")]);
    assert_eq!(said("a/.htaccess"), "");
    assert!(said("b/.htaccess").contains("`AllowOverride` does not allow `RewriteEngine`"));
}

#[test]
fn pieces_of_haproxy_configs() {
    let tls = "listen tls\n    mode tcp\n    bind :443\n    acl old req_ssl_ver lt 3\n    acl good req_ssl_ver 3.0-3.1\n    acl new req.ssl_ver gt 3.1\n    tcp-request content reject if !good !new or old\n    server a 127.0.0.1:1\n";
    silent("haproxy/tls.cfg", tls);
    silent(
        "haproxy/backend.cfg",
        "backend app\n    acl reads method GET HEAD\n    http-request deny if !reads { src 10.0.0.9 }\n    server a 127.0.0.1:1\n",
    );
    silent(
        "haproxy/connect.cfg",
        "defaults\n    mode tcp\nring log\n    format raw\n    size 1M\nlisten a\n    bind :80\n    option tcp-check\n    tcp-check connect port 9001\n    server a 127.0.0.1 check\n",
    );
    silent(
        "haproxy/check.cfg",
        "defaults\n    mode http\nfrontend nothing\n    bind 127.0.0.1:9000\nbackend app\n    option httpchk\n    server a 127.0.0.1:9000 check\n",
    );
}
