//! nginx configs of a hosting company: many tenants, each with its upstream, its server and a handful of locations.

use std::fmt::Write;

use crate::dice::Dice;

const LISTS: &[&str] = &["GET", "GET POST", "POST", "GET PUT DELETE", "PROPFIND OPTIONS"];
const PATHS: &[&str] =
    &[r"\.(?:css|js|png|jpe?g|svg)$", r"^/v\d+/(?<id>[\w-]+)", r"^/(?:users|orders)/\d+$", r"\.php(?:/|$)", "^/files/"];

pub(crate) fn config(bytes: usize) -> String {
    let mut text = String::from(
        "events {}\nhttp {\n  map $request_method $is_write {\n    default 1;\n    GET 0;\n    HEAD 0;\n  }\n  \
         log_format short '$remote_addr $request_method '\n                   '$status';\n",
    );
    let mut dice = Dice::new();
    for tenant in 0.. {
        if text.len() >= bytes {
            break;
        }
        self::tenant(&mut text, tenant, &mut dice).expect("a String takes it");
    }
    text.push_str("}\n");
    text
}

fn tenant(text: &mut String, tenant: usize, dice: &mut Dice) -> std::fmt::Result {
    writeln!(text, "  upstream app{tenant} {{")?;
    for _ in 0..=dice.roll(3) {
        writeln!(text, "    server 10.{}.{}.{}:8080 max_fails=3;", dice.roll(256), dice.roll(256), dice.roll(256))?;
    }
    writeln!(text, "  }}\n  server {{\n    listen 80;\n    server_name t{tenant}.example.com *.t{tenant}.example.org;")?;
    if dice.roll(3) == 0 {
        writeln!(text, "    if ($request_method !~ ^(GET|HEAD|POST|PUT|DELETE|OPTIONS)$) {{ return 405; }}")?;
    }
    for part in 0..3 + dice.roll(6) {
        location(text, tenant, part, dice)?;
    }
    writeln!(text, "    location / {{ proxy_pass http://app{tenant}; }}\n  }}")
}

fn location(text: &mut String, tenant: usize, part: usize, dice: &mut Dice) -> std::fmt::Result {
    match dice.roll(6) {
        0 => {
            let list = dice.pick(LISTS);
            writeln!(text, "    location /api/{part}/ {{\n      limit_except {list} {{ deny all; }}")?;
            writeln!(text, "      proxy_set_header Host $host;\n      proxy_pass http://app{tenant}/v{part}/;\n    }}")
        }
        1 => writeln!(text, "    location = /health/{part} {{ access_log off; return 200 'well'; }}"),
        2 => {
            let path = dice.pick(PATHS);
            writeln!(text, "    location ~* \"{path}|^/only/{part}$\" {{\n      expires 1d;\n      try_files $uri =404;\n    }}")
        }
        3 => writeln!(text, "    location ^~ /upload/{part}/ {{\n      root /srv;\n      dav_methods PUT DELETE MKCOL;\n    }}"),
        4 => writeln!(text, "    location /old/{part}/ {{ rewrite ^/old/{part}/(.*)$ /new/{part}/$1 permanent; }}"),
        _ => {
            writeln!(text, "    location /app/{part}/ {{\n      if ($is_write) {{ return 403; }} # read only")?;
            writeln!(text, "      if ($request_method = OPTIONS) {{ return 204; }}\n      proxy_pass http://app{tenant};\n    }}")
        }
    }
}
