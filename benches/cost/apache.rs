//! Apache configs of a hosting company: many name-based virtual hosts with proxied paths, rewrites and folders.

use std::fmt::Write;

use crate::dice::Dice;

const MODULES: &[&str] =
    &["mpm_event", "authz_core", "authz_host", "alias", "rewrite", "proxy", "proxy_http", "headers", "setenvif", "allowmethods"];
const LISTS: &[&str] = &["GET", "GET POST", "GET POST OPTIONS", "GET POST PUT DELETE"];

pub(crate) fn config(bytes: usize) -> String {
    let mut text = String::from("ServerRoot /tmp\nServerName localhost\nListen 80\nTraceEnable off\n");
    for module in MODULES {
        text.push_str(&format!("LoadModule {module}_module modules/mod_{module}.so\n"));
    }
    let mut dice = Dice::new();
    for tenant in 0.. {
        if text.len() >= bytes {
            break;
        }
        host(&mut text, tenant, &mut dice).expect("a String takes it");
    }
    text
}

fn host(text: &mut String, tenant: usize, dice: &mut Dice) -> std::fmt::Result {
    writeln!(text, "<VirtualHost *:80>\n  ServerName t{tenant}.example.com\n  ServerAlias www.t{tenant}.example.com \\")?;
    writeln!(text, "              *.t{tenant}.example.org\n  DocumentRoot /srv/t{tenant}")?;
    for part in 0..3 + dice.roll(6) {
        section(text, tenant, part, dice)?;
    }
    writeln!(text, "  ProxyPass \"/\" \"http://10.1.{}.{}:8080/\" retry=5\n</VirtualHost>", dice.roll(256), dice.roll(256))
}

fn section(text: &mut String, tenant: usize, part: usize, dice: &mut Dice) -> std::fmt::Result {
    let list = dice.pick(LISTS);
    match dice.roll(6) {
        0 => {
            writeln!(text, "  <Location /api/{part}>\n    <LimitExcept {list}>\n      Require all denied\n    </LimitExcept>")?;
            writeln!(text, "    ProxyPass http://10.2.3.{part}:8080/v{part}\n  </Location>")
        }
        1 => {
            writeln!(text, "  RewriteEngine On\n  RewriteCond %{{REQUEST_METHOD}} !^(GET|HEAD|POST)$")?;
            writeln!(text, "  RewriteRule ^/form/{part}/ - [R=405,L]")
        }
        2 => writeln!(text, "  <LocationMatch \"^/v[0-9]+/[^/]+/{part}$\">\n    AllowMethods {list}\n  </LocationMatch>"),
        3 => {
            writeln!(text, "  Alias /static/{part} /srv/static/{tenant}/{part}\n  <Directory /srv/static/{tenant}/{part}>")?;
            writeln!(text, "    Options -Indexes\n    AllowOverride None\n    Require all granted\n  </Directory>")
        }
        4 => {
            writeln!(text, "  SetEnvIf Request_Method \"^(PUT|DELETE)$\" WRITES{part}=1")?;
            writeln!(text, "  RedirectMatch 301 \"^/old/{part}/(.*)$\" \"https://t{tenant}.example.com/new/$1\"")
        }
        _ => writeln!(
            text,
            "  <If \"%{{REQUEST_METHOD}} == 'PATCH' && %{{HTTP_HOST}} == 'x{part}'\">\n    Require all denied\n  </If>"
        ),
    }
}
