//! The JSON schema of `proxylint.toml`, made from its types; editors complete and check the file with it.

use std::path::Path;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Config;
use crate::rules::RULES;
use crate::server::SERVERS;

fn fresh() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>().to_value();
    schema["title"] = json!("proxylint.toml");
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    let servers: Vec<&str> = SERVERS.iter().map(|server| server.name()).collect();
    // What the types cannot tell: which texts are names of rules and servers.
    for place in ["/properties", "/definitions/Override/properties"] {
        let Some(properties) = schema.pointer_mut(place) else { continue };
        for list in ["select", "ignore"] {
            if let Some(list) = properties.get_mut(list) {
                list["items"] = json!({"enum": names});
            }
        }
        properties["rules"]["propertyNames"] = json!({"enum": names});
    }
    for place in ["/definitions/Override/properties/server", "/definitions/Expect/properties/server"] {
        if let Some(server) = schema.pointer_mut(place).and_then(Value::as_object_mut) {
            server.insert("enum".into(), json!(servers));
            server.insert("type".into(), json!("string"));
        }
    }
    schema["properties"]["target"]["propertyNames"] = json!({"enum": servers});
    format!("{}\n", serde_json::to_string_pretty(&schema).unwrap())
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/settings.schema.json");
    let fresh = fresh();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == fresh, "{} is stale: write it anew with `UPDATE=1 cargo test --lib schema`", path.display());
}

#[test]
fn the_schema_takes_what_the_types_take() {
    let schema: Value = serde_json::from_str(&fresh()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let takes = |text: &str| validator.is_valid(&toml::from_str::<Value>(text).unwrap());
    assert!(takes(include_str!("../cli/setup/proxylint.toml")));
    let full =
        "fail-on = 'never'\nopenapi = ['a.yaml']\n[rules]\nmethod-denied = 'off'\n[[expect]]\npath = '/a'\nserver = 'nginx'\n";
    assert!(takes(full));
    for wrong in ["fail-om = 'error'", "ignore = ['method-denid']", "[rules]\nhead-blocked = 'loud'", "[[expect]]\nmethods = []"]
    {
        assert!(!takes(wrong), "{wrong}");
    }
}
