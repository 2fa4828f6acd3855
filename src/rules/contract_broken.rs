use super::rule::declare_rule;

declare_rule! {
    /// A method that must work does not.
    ///
    /// ## What it does
    ///
    /// Holds the config against what `proxylint.toml` or an OpenAPI file promises: each operation must reach the upstream with its own
    /// method, and what is to be refused must be refused. A path that no route takes is reported at the line of the contract.
    ///
    /// A contract says what must work, so all else may be refused: with one, the rules about refusals are silent, and
    /// `method-override` is on the paths that it speaks of.
    ///
    /// ## Example
    ///
    /// ```toml
    /// [[expect]]
    /// host = "api.example.com"
    /// path = "/users/**"
    /// methods = ["GET", "PATCH"]
    /// refuse = ["TRACE"]
    /// ```
    ///
    /// ```nginx flagged
    /// server {
    ///     server_name api.example.com;
    ///     location /users/ {
    ///         limit_except GET POST {
    ///             deny all;
    ///         }
    ///         proxy_pass http://127.0.0.1:3000;
    ///     }
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ServerName api.example.com
    ///     ProxyPass "/users/" "http://127.0.0.1:3000/"
    ///     <Location "/users/">
    ///         AllowMethods GET POST
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny unless { method GET HEAD POST }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx silent
    /// server {
    ///     server_name api.example.com;
    ///     location /users/ {
    ///         limit_except GET PATCH {
    ///             deny all;
    ///         }
    ///         proxy_pass http://127.0.0.1:3000;
    ///     }
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Change the directive that the finding marks, or the promise.
    "contract-broken", Error
}
