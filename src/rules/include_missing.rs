use super::rule::declare_rule;

declare_rule! {
    /// An included file is not there.
    ///
    /// ## What it does
    ///
    /// Reports includes that name no file, lie outside of the folders that may be read, or never end. It is a warning where the file
    /// should lie in the linted tree; a path such as `/etc/nginx/mime.types` on another machine is only worth an info.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// include snippets/proxy-headers.conf;
    /// location /api/ {
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// Include conf/proxy.conf
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    /// </VirtualHost>
    /// ```
    ///
    /// ## How to fix
    ///
    /// Correct the path, or tell where things lie: `--prefix DIR` for the server's relative paths, `--root DIR` for a folder that
    /// stands for `/`, `--allow-include DIR` for shared files elsewhere.
    "include-missing", Warning
}
