//! What every method gets on every route.

use crate::http::{Answer, MethodSet, UpstreamMethod};
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
    site.universe().standard() | site.universe().only(crate::http::STAND_IN)
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
    let answer = branches().min_by_key(|branch| branch.distance).map(|branch| branch.verdict.answer.clone());
    let answer = answer.map(|answer| named(answer, site.universe().first(method).unwrap_or("")));
    let name = site.universe().first(method).unwrap_or("");
    let depends = branches().any(|branch| Some(named(branch.verdict.answer.clone(), name)) != answer);
    Cell { answer, depends }
}

/// A method that is replaced by itself is unchanged.
fn named(answer: Answer, client: &str) -> Answer {
    match answer {
        Answer::Forward { to, method: UpstreamMethod::Replaced(method), target, status } if *method == *client => {
            Answer::Forward { to, method: UpstreamMethod::Unchanged, target, status }
        }
        other => other,
    }
}
