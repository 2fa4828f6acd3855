//! HAProxy configs of a hosting company: a frontend and a backend for each tenant.

use std::fmt::Write;

use crate::dice::Dice;

const LISTS: &[&str] = &["GET HEAD", "GET HEAD POST", "GET POST PUT DELETE", "PUT PATCH"];

pub(crate) fn config(bytes: usize) -> String {
    let mut text = String::from(
        "global\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 50s\n  timeout server 50s\n",
    );
    let mut dice = Dice::new();
    for tenant in 0.. {
        if text.len() >= bytes {
            break;
        }
        self::tenant(&mut text, tenant, &mut dice).expect("a String takes it");
    }
    text
}

fn tenant(text: &mut String, tenant: usize, dice: &mut Dice) -> std::fmt::Result {
    writeln!(text, "frontend in{tenant}\n  bind 127.0.0.1:{}\n  acl here hdr(host) -i t{tenant}.example.com", 1_024 + tenant)?;
    writeln!(text, "  acl known method {}\n  acl api path_beg /api/ /v1/", dice.pick(LISTS))?;
    if dice.roll(2) == 0 {
        writeln!(text, "  http-request deny deny_status 405 unless known")?;
    }
    for part in 0..2 + dice.roll(6) {
        rule(text, tenant, part, dice)?;
    }
    writeln!(text, "  default_backend app{tenant}\nbackend app{tenant}\n  option httpchk GET /health")?;
    for server in 0..=dice.roll(4) {
        writeln!(text, "  server s{server} 10.{}.{}.{}:8080 check", dice.roll(256), dice.roll(256), dice.roll(256))?;
    }
    Ok(())
}

fn rule(text: &mut String, tenant: usize, part: usize, dice: &mut Dice) -> std::fmt::Result {
    match dice.roll(5) {
        0 => writeln!(text, "  acl p{part} path_reg ^/v[0-9]+/(users|orders)/{part}$\n  http-request deny if p{part} !METH_GET"),
        1 => writeln!(text, "  http-request set-method GET if METH_HEAD {{ path_beg /head/{part} }}"),
        2 => writeln!(text, "  http-request return status 204 if METH_OPTIONS {{ path_beg /cors/{part} }}"),
        3 => writeln!(text, "  http-request redirect location https://t{tenant}.example.com/ code 301 if {{ path /old/{part} }}"),
        _ => writeln!(text, "  use_backend app{tenant} if here api {{ path_end .json .xml }} # rule {part}"),
    }
}
