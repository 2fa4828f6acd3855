//! What every method gets on every route.

use crate::http::{Answer, MethodSet};
use crate::server::{Route, Site};
use crate::survey::Survey;

/// The answers of one route.
pub struct Row {
    pub route: Route,
    /// In the order of the columns.
    pub cells: Vec<Cell>,
}

/// What one method gets on a route.
#[derive(Clone, Debug)]
pub struct Cell {
    /// For the plainest request.
    pub answer: Option<Answer>,
    /// Whether other requests or circumstances lead to another answer.
    pub depends: bool,
}

/// The methods that have a column: the standard ones and, as the last, one that stands for all that nobody knows.
pub fn columns(site: &dyn Site) -> MethodSet {
    site.universe().standard() | site.universe().stand_in()
}

/// One row for each route of the site.
pub fn rows(site: &dyn Site) -> Vec<Row> {
    let columns: Vec<_> = columns(site).singles().collect();
    let row = |route: Route| {
        let survey = Survey::new(site, &route);
        let cells = columns.iter().map(|method| cell(site, &survey, *method)).collect();
        Row { cells, route }
    };
    site.routes().into_iter().map(row).collect()
}

fn cell(site: &dyn Site, survey: &Survey<'_>, method: MethodSet) -> Cell {
    let branches = || survey.branches.iter().filter(|branch| branch.methods.meets(method));
    let plain = branches().min_by_key(|branch| branch.distance).map(|branch| &branch.verdict.answer);
    let name = site.universe().first(method).unwrap_or("");
    let depends = plain.is_some_and(|plain| branches().any(|branch| !branch.verdict.answer.is_alike(plain, name)));
    Cell { answer: plain.cloned(), depends }
}
