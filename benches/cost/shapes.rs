//! Configs of one shape that people do not write and programs do: very many of one thing in one place.

use std::fmt::Write;

/// A shape: its name, its server, and what stands before, for each number, and after.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) server: &'static str,
    before: &'static str,
    each: &'static str,
    after: &'static str,
}

impl Shape {
    /// The config with so many things; `#` stands for the number of each.
    pub(crate) fn config(&self, count: usize) -> String {
        let mut text = String::from(self.before);
        for number in 0..count {
            writeln!(text, "{}", self.each.replace('#', &number.to_string())).expect("a String takes it");
        }
        text.push_str(self.after);
        text
    }
}

pub(crate) const SHAPES: &[Shape] = &[
    Shape {
        name: "locations of a server",
        server: "nginx",
        before: "events {}\nhttp { server { listen 80;\n",
        each: "location /p#/ { limit_except GET POST { deny all; } proxy_pass http://127.0.0.1:3000; }",
        after: "} }\n",
    },
    Shape {
        name: "servers of an address",
        server: "nginx",
        before: "events {}\nhttp {\n",
        each: "server { listen 80; server_name h#.example; location / { limit_except GET { deny all; } } }",
        after: "}\n",
    },
    Shape {
        name: "keys of a map",
        server: "nginx",
        before: "events {}\nhttp { map $uri $x { default 0;\n",
        each: "/path#/x 1;",
        after: "} server { listen 80; location / { if ($x) { return 405; } proxy_pass http://127.0.0.1:3000; } } }\n",
    },
    Shape {
        name: "variables from variables",
        server: "nginx",
        before: "events {}\nhttp { server { listen 80; location / { set $v x;\n",
        each: "set $v $v$v$request_method;",
        after: "if ($v = x) { return 405; } proxy_pass http://127.0.0.1:3000; } } }\n",
    },
    Shape {
        name: "suppressed servers",
        server: "nginx",
        before: "events {}\nhttp {\n",
        each: "# proxylint: allow(method-denied)\nserver { listen 80; server_name h#.example; location / { limit_except GET { deny all; } } }",
        after: "}\n",
    },
    Shape {
        name: "vhosts of an address",
        server: "apache",
        before: "Listen 80\n",
        each: "<VirtualHost *:80>\nServerName h#.example\n<Location />\nAllowMethods GET POST\n</Location>\n</VirtualHost>",
        after: "",
    },
    Shape {
        name: "frontends of an address",
        server: "haproxy",
        before: "defaults\n mode http\nbackend b\n server s 127.0.0.1:3000\n",
        each: "frontend f#\n bind 127.0.0.1:80\n http-request deny if METH_PUT\n default_backend b",
        after: "",
    },
    Shape {
        name: "methods without patterns",
        server: "haproxy",
        before: "backend b\n mode http\n server s 127.0.0.1:3000\nfrontend f\n mode http\n bind 127.0.0.1:80\n default_backend b\n",
        each: " acl a# method",
        after: "",
    },
    Shape {
        name: "criteria of a slot",
        server: "haproxy",
        before: "backend b\n mode http\n server s 127.0.0.1:3000\nfrontend f\n mode http\n bind 127.0.0.1:80\n default_backend b\n declare capture request len 9\n",
        each: " http-request deny if { capture.req.hdr(0) x# }",
        after: "",
    },
    Shape {
        name: "servers of a backend",
        server: "haproxy",
        before: "frontend f\n mode http\n bind 127.0.0.1:80\n default_backend b\nbackend b\n mode http\n",
        each: " server s# 10.0.0.1:80 check",
        after: "",
    },
];
