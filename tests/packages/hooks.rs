//! pre-commit, on a scratch repository: a bad commit is blocked and shows the finding, a good one passes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::python::{Environment, tools, wheel};
use crate::{root, said, scratch, skip, succeed};

const FLAGGED: &str = "location /api/ {\n    proxy_method POST;\n    proxy_pass http://127.0.0.1:3000;\n}\n";
const CLEAN: &str = "location /api/ {\n    proxy_pass http://127.0.0.1:3000;\n}\n";

#[test]
fn the_system_hook_blocks_a_bad_commit() {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => return skip(why),
    };
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_proxylint")).parent().unwrap();
    let hooks = publish(&root().join(".pre-commit-hooks.yaml"), &[], &folder.path().join("hooks"));
    let project = Project::new(folder.path().join("project"), tools, &hooks, "proxylint-system").with_path(binary);
    project.is_guarded();
    assert!(project.seconds() < 1.0, "the hook takes {} s", project.seconds());
}

#[test]
fn the_mirror_installs_the_wheel() {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => return skip(why),
    };
    let folder = tempfile::tempdir().unwrap();
    let mirror = root().join("packaging/pre-commit");
    let project_file = mirror.join("pyproject.toml");
    let hooks = publish(&mirror.join(".pre-commit-hooks.yaml"), &[&project_file], &folder.path().join("hooks"));
    let links = wheel(tools).parent().unwrap().to_owned();
    let project = Project::new(folder.path().join("project"), tools, &hooks, "proxylint").with_wheels(links);
    project.is_guarded();
}

#[test]
fn the_hooks_take_configs_and_leave_the_rest() {
    let hooks = files_of(".pre-commit-hooks.yaml");
    assert_eq!(hooks, files_of("packaging/pre-commit/.pre-commit-hooks.yaml"));
    let pattern = fancy_regex::Regex::new(&hooks).unwrap();
    for config in [
        "nginx.conf",
        "deploy/nginx/conf.d/api.conf",
        "etc/nginx/sites-available/default",
        "sites-enabled/shop",
        "my-nginx-proxy.conf",
        "httpd/conf/httpd.conf",
        "apache2/apache2.conf",
        "vhosts/shop.vhost",
        "public/.htaccess",
        "haproxy.cfg",
        "lb/HAProxy.cfg",
    ] {
        assert!(pattern.is_match(config).unwrap(), "{config}");
    }
    for other in ["README.md", "setup.cfg", "src/nginx.rs", "redis.conf", "docs/nginx.md", "nginx/mime.types", "conf.d"] {
        assert!(!pattern.is_match(other).unwrap(), "{other}");
    }
}

/// The pattern of the files that a list of hooks is for.
fn files_of(list: &str) -> String {
    let text = fs::read_to_string(root().join(list)).unwrap();
    let (_, pattern) = text.split_once("files: ").unwrap();
    pattern.split('\'').nth(1).unwrap().to_owned()
}

/// Puts a list of hooks into a repository of its own, as pre-commit takes it from the web, and returns its address.
fn publish(list: &Path, further: &[&Path], repository: &Path) -> String {
    fs::create_dir_all(repository).unwrap();
    for file in further.iter().copied().chain([list]) {
        fs::copy(file, repository.join(file.file_name().unwrap())).unwrap();
    }
    succeed(git(repository).args(["init", "--quiet"]));
    succeed(git(repository).args(["add", "."]));
    succeed(git(repository).args(["commit", "--quiet", "-m", "Publish the hooks"]));
    repository.to_str().unwrap().to_owned()
}

/// Somebody's project that uses a hook.
struct Project {
    folder: PathBuf,
    tools: &'static Environment,
    path: Option<PathBuf>,
    wheels: Option<PathBuf>,
}

impl Project {
    fn new(folder: PathBuf, tools: &'static Environment, hooks: &str, id: &str) -> Project {
        fs::create_dir_all(&folder).unwrap();
        let project = Project { folder, tools, path: None, wheels: None };
        succeed(project.git().args(["init", "--quiet"]));
        let revision = succeed(git(Path::new(hooks)).args(["rev-parse", "HEAD"]));
        let config = format!("repos:\n  - repo: {hooks}\n    rev: {}\n    hooks:\n      - id: {id}\n", revision.trim());
        fs::write(project.folder.join(".pre-commit-config.yaml"), config).unwrap();
        fs::write(project.folder.join("notes.md"), "proxy_method POST; is only a word here\n").unwrap();
        project
    }

    /// A folder with programs of the machine.
    fn with_path(self, folder: &Path) -> Project {
        Project { path: Some(folder.to_owned()), ..self }
    }

    /// A folder that stands for the package index.
    fn with_wheels(self, folder: PathBuf) -> Project {
        Project { wheels: Some(folder), ..self }
    }

    fn git(&self) -> Command {
        let mut git = git(&self.folder);
        self.surround(&mut git);
        git
    }

    /// The environment of pre-commit: its own store, and where programs and wheels come from.
    fn surround(&self, command: &mut Command) {
        let folders = self.path.iter().cloned().chain([self.tools.programs()]);
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&usual))).unwrap();
        command.env("PATH", path).env("PRE_COMMIT_HOME", scratch("pre-commit")).env("PRE_COMMIT_COLOR", "never");
        // The output is that of a person's terminal, wherever this test runs.
        command.env_remove("GITHUB_ACTIONS").env("NO_COLOR", "1");
        if let Some(wheels) = &self.wheels {
            command.env("PIP_FIND_LINKS", wheels);
        }
    }

    fn commit(&self, config: &str) -> Output {
        let place = self.folder.join("deploy/nginx");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("api.conf"), config).unwrap();
        succeed(self.git().args(["add", "."]));
        self.git().args(["commit", "-m", "Change the proxy"]).output().unwrap()
    }

    fn is_guarded(&self) {
        let mut install = Command::new(self.tools.program("pre-commit"));
        self.surround(install.arg("install").arg("--install-hooks").current_dir(&self.folder));
        succeed(&mut install);

        let bad = self.commit(FLAGGED);
        assert!(!bad.status.success(), "{}", said(&bad));
        assert!(said(&bad).contains("method-override"), "{}", said(&bad));
        assert!(said(&bad).contains("api.conf:2:5"), "{}", said(&bad));

        let good = self.commit(CLEAN);
        assert!(good.status.success(), "{}", said(&good));
        assert!(said(&good).contains("Passed"), "{}", said(&good));
    }

    /// How long the hook takes, by pre-commit's own clock.
    fn seconds(&self) -> f64 {
        let mut all = Command::new(self.tools.program("pre-commit"));
        self.surround(all.args(["run", "--all-files", "--verbose"]).current_dir(&self.folder));
        let told = succeed(&mut all);
        let (_, duration) = told.split_once("duration: ").unwrap_or_else(|| panic!("no duration in\n{told}"));
        duration.split('s').next().unwrap().parse().unwrap()
    }
}

/// git in a folder, with a name to commit under and nobody's settings.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder);
    for (name, value) in [("AUTHOR", "A Tester"), ("COMMITTER", "A Tester")] {
        git.env(format!("GIT_{name}_NAME"), value).env(format!("GIT_{name}_EMAIL"), "tester@example.com");
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for inherited in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        git.env_remove(inherited);
    }
    git
}
