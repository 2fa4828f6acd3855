//! Paths with holes: `/users/{id}`, `/api/*/x`, `/api/**`.

use std::collections::BTreeMap;

/// A pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    /// What stands for a `{name}` in examples.
    values: BTreeMap<String, String>,
}

impl Template {
    pub(super) fn new(text: &str) -> Self {
        Template { text: text.to_owned(), values: BTreeMap::new() }
    }

    pub(super) fn with(text: &str, values: BTreeMap<String, String>) -> Self {
        Template { text: text.to_owned(), values }
    }

    /// What all matching paths start with.
    pub(super) fn start(&self) -> &str {
        self.text.split(['{', '*']).next().unwrap_or("")
    }

    /// Paths that match, the plainest first.
    pub(super) fn examples(&self) -> Vec<String> {
        let mut paths = match self.text.strip_suffix("**") {
            Some(start) => vec![start.to_owned(), format!("{start}x")],
            None => vec![self.text.clone()],
        };
        for path in &mut paths {
            *path = self.filled(path);
        }
        paths
    }

    fn filled(&self, path: &str) -> String {
        let mut filled = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(self.values.get(name).map_or("1", String::as_str));
            rest = after;
        }
        filled.push_str(rest);
        filled.replace('*', "x")
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let (pattern, any_end) = match self.text.strip_suffix("**") {
            Some(start) => (start, true),
            None => (self.text.as_str(), false),
        };
        let mut parts = pattern.split('/').peekable();
        let mut found = path.split('/');
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            if last && any_end && part.is_empty() {
                return found.next().is_some();
            }
            match found.next() {
                Some(found) if fits(part, found) => {}
                Some(found) if last && any_end => return found.starts_with(part),
                _ => return false,
            }
        }
        found.next().is_none() || any_end
    }
}

/// Whether one segment fits: holes take any text that is not empty.
fn fits(part: &str, found: &str) -> bool {
    match (part.find(['{', '*']), part.rfind(['}', '*'])) {
        (Some(start), Some(end)) if start <= end => {
            let (before, after) = (&part[..start], &part[end + 1..]);
            found.len() > before.len() + after.len() && found.starts_with(before) && found.ends_with(after)
        }
        _ => part == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_take_one_segment_and_stars_the_rest() {
        let template = Template::new("/users/{id}/posts");
        assert!(template.matches("/users/7/posts") && !template.matches("/users/posts") && !template.matches("/users/7/8/posts"));
        assert_eq!(template.examples(), ["/users/1/posts"]);
        let template = Template::new("/api/**");
        assert!(template.matches("/api/") && template.matches("/api/a/b") && !template.matches("/ap"));
        assert_eq!(template.examples(), ["/api/", "/api/x"]);
        assert!(Template::new("/a/*.json").matches("/a/b.json"));
    }
}
