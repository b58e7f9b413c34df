//! `orgkeep login`

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use etcetera::BaseStrategy;
use serde::Serialize;

use super::{CommandError, Context, Outcome, interrupt, text};
use crate::{
    auth::{
        App, Credential, Error, Key, Kind, Secret, SecretPlace, SfProgram, Vault, WebLogin,
        auth_url_of_sf, open_browser, parse_auth_url,
    },
    client::{HostPolicy, Http, InstanceUrl, Options},
    ops::login::{LoginReport, NewLogin, log_in},
    source::redact::RedactionKey,
};

/// Variable that holds the key of redaction tags.
const REDACTION_KEY: &str = "ORGKEEP_REDACTION_KEY";

/// Log in to an org and keep the login
///
/// The secret goes to the keyring of the system where there is one, else to a
/// file that only you may read. No secret is given as an argument: it comes from
/// a file, from standard input, from the environment or from a prompt. In CI no
/// login is needed: set SF_ACCESS_TOKEN and SF_ORG_INSTANCE_URL, or SFDX_AUTH_URL,
/// or SF_CLIENT_ID with SF_USERNAME and SF_JWT_KEY_FILE (or SF_JWT_KEY), or
/// SF_CLIENT_ID with SF_CLIENT_SECRET and SF_LOGIN_URL.
#[expect(
    clippy::doc_markdown,
    reason = "it is the text of the help, which has no markup"
)]
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep login web --name acme\n  \
    orgkeep login web --url https://test.salesforce.com\n  \
    orgkeep login jwt --username ci@acme.com --client-id 3MVG9... --key-file jwt.key\n  \
    sf org auth show-sfdx-auth-url --json -o acme | orgkeep login auth-url\n  \
    orgkeep login sf acme")]
pub(crate) struct LoginArgs {
    #[command(subcommand)]
    method: Method,

    /// Name to call the login by (default: the username)
    #[arg(long, value_name = "NAME", global = true)]
    name: Option<String>,
}

#[expect(
    clippy::doc_markdown,
    reason = "it is the text of the help, which has no markup"
)]
#[derive(Debug, Subcommand)]
enum Method {
    /// Log in in a browser
    ///
    /// Opens a browser and prints the address for one that does not open. The
    /// browser has to run on this machine.
    Web(WebArgs),
    /// Log in by a private key whose certificate a connected app knows
    Jwt(JwtArgs),
    /// Log in by an auth URL (force://...) as `sf` writes it
    ///
    /// Read from --file, from SFDX_AUTH_URL, from standard input or from a prompt.
    AuthUrl(FileArgs),
    /// Log in as the run-as user of a connected app
    ClientCredentials(ClientArgs),
    /// Log in by an access token, which cannot be renewed
    ///
    /// Read from --file, from SF_ACCESS_TOKEN, from standard input or from a prompt.
    Token(TokenArgs),
    /// Use a login of the Salesforce CLI
    ///
    /// `sf` is asked for a token each time, and keeps the secret.
    Sf(SfArgs),
}

#[derive(Debug, Args)]
struct WebArgs {
    /// Where to log in: a My Domain, or test.salesforce.com for a sandbox
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://login.salesforce.com"
    )]
    url: String,
    /// Connected app to log in to (default: that of the Salesforce CLI)
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// File with the app's client secret, - for standard input
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    /// Port of the app's callback URL, whose path is `/OauthRedirect` on localhost
    #[arg(long, value_name = "PORT", default_value_t = 1717)]
    port: u16,
    /// Print the address and open no browser
    #[arg(long)]
    no_browser: bool,
    /// Seconds to wait for the browser
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
}

#[derive(Debug, Args)]
struct JwtArgs {
    /// User to log in
    #[arg(long, value_name = "USERNAME")]
    username: String,
    /// Client id of the connected app
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// File with the private key in PEM format, - for standard input; it is read at each login
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Where to log in: a My Domain, or test.salesforce.com for a sandbox
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://login.salesforce.com"
    )]
    url: String,
    /// Audience of the assertion (default: by the host)
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
}

#[derive(Debug, Args)]
struct FileArgs {
    /// File to read it from, - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ClientArgs {
    /// My Domain of the org
    #[arg(long, value_name = "URL")]
    url: String,
    /// Client id of the connected app
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// File with the client secret, - for standard input (default: a variable, or a prompt)
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// Address of the org
    #[arg(long, value_name = "URL")]
    url: String,
    /// File with the access token, - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct SfArgs {
    /// Alias or username of the login (default: that of `sf`)
    target: Option<String>,
    /// Keep the refresh token ourselves, so that `sf` is not needed again
    #[arg(long)]
    copy: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a LoginReport,
}

/// Runs `orgkeep login`.
///
/// # Errors
///
/// Whatever the login server, the org or the store of logins refuses.
pub(crate) async fn run(context: &Context, args: LoginArgs) -> Result<Outcome, CommandError> {
    let options = client_options(context);
    let vault = vault(context)?;
    let (kind, credential) = credential(context, args.method, &options).await?;
    let new = NewLogin {
        name: args.name,
        kind,
        credential,
    };
    let report = log_in(&vault, new, &options).await.map_err(failed)?;
    if context.json() {
        context.out().json(&Output {
            schema: "orgkeep/login/1",
            report: &report,
        })?;
        return Ok(Outcome::Done);
    }
    let (login, org) = (&report.login, &report.identity.org);
    let sort = if org.is_sandbox {
        "sandbox"
    } else {
        "no sandbox"
    };
    let place = match login.secret {
        SecretPlace::Keyring => "its secret is in the keyring",
        SecretPlace::File => "its secret is in a file that only you may read",
        SecretPlace::Nowhere => "no secret is kept",
    };
    let mut out = context.out();
    out.line(&text::one_line(&format!(
        "{}  {} ({sort}, {}) as {}; {place}",
        login.name, org.name, org.id, login.username
    )))?;
    if report.identity.permissions.may_use_metadata() == Some(false) {
        context.say(
            "warning: this user may not read metadata: give it \"Modify Metadata Through \
             Metadata API Functions\" or \"Modify All Data\"",
        );
    }
    out.finish()?;
    Ok(Outcome::Done)
}

async fn credential(
    context: &Context,
    method: Method,
    options: &Options,
) -> Result<(Kind, Credential), CommandError> {
    let hosts = &options.hosts;
    let url = |text: &str| InstanceUrl::parse(text, hosts).map_err(|err| failed(err.into()));
    Ok(match method {
        Method::Web(args) => (Kind::Web, web(context, args, options).await?),
        Method::Jwt(args) => {
            let key = if args.key_file == Path::new("-") {
                Key::Text(read_secret(&args.key_file)?)
            } else {
                Key::File(std::path::absolute(&args.key_file)?)
            };
            let credential = Credential::Jwt {
                login: url(&args.url)?,
                client_id: args.client_id,
                username: args.username,
                audience: args.audience,
                key,
            };
            (Kind::Jwt, credential)
        }
        Method::AuthUrl(args) => {
            let text = secret(context, args.file.as_deref(), "SFDX_AUTH_URL", "Auth URL")?;
            let credential = parse_auth_url(text.expose(), hosts).map_err(failed)?;
            (Kind::AuthUrl, credential)
        }
        Method::ClientCredentials(args) => {
            let login = url(&args.url)?;
            let file = args.client_secret_file.as_deref();
            let secret = secret(context, file, "SF_CLIENT_SECRET", "Client secret")?;
            let app = App {
                id: args.client_id,
                secret: Some(secret),
            };
            let credential = Credential::ClientCredentials { login, app };
            (Kind::ClientCredentials, credential)
        }
        Method::Token(args) => {
            let instance = url(&args.url)?;
            let file = args.file.as_deref();
            let token = secret(context, file, "SF_ACCESS_TOKEN", "Access token")?;
            (Kind::Token, Credential::Token { instance, token })
        }
        Method::Sf(args) => sf(args, hosts).await?,
    })
}

async fn web(
    context: &Context,
    args: WebArgs,
    options: &Options,
) -> Result<Credential, CommandError> {
    let login = InstanceUrl::parse(&args.url, &options.hosts).map_err(|err| failed(err.into()))?;
    let app = match args.client_id {
        None => App::of_the_cli(),
        Some(id) => App {
            id,
            secret: args
                .client_secret_file
                .as_deref()
                .map(read_secret)
                .transpose()?,
        },
    };
    let http = Http::new(options).map_err(|err| failed(err.into()))?;
    let waiting = WebLogin::begin(login, app, args.port)
        .await
        .map_err(failed)?;
    let url = waiting.url();
    if !args.no_browser && !open_browser(&url) {
        context.say("no browser could be opened");
    }
    context.say(&format!("Log in at:\n{url}"));
    let patience = Duration::from_secs(args.wait);
    let finished = waiting.finish(&http, &options.hosts, patience).await;
    finished.map_err(failed)
}

async fn sf(args: SfArgs, hosts: &HostPolicy) -> Result<(Kind, Credential), CommandError> {
    let program = SfProgram::default();
    if args.copy {
        let target = args.target.as_deref();
        let credential = auth_url_of_sf(&program, target, hosts)
            .await
            .map_err(failed)?;
        return Ok((Kind::AuthUrl, credential));
    }
    let target = args.target;
    Ok((Kind::Sf, Credential::Sf { program, target }))
}

/// A secret from `file`, else from the environment, else from standard input, else asked for.
fn secret(
    context: &Context,
    file: Option<&Path>,
    variable: &str,
    prompt: &str,
) -> Result<Secret, CommandError> {
    if let Some(file) = file {
        return read_secret(file);
    }
    if let Some(text) = context.variable(variable) {
        return Ok(Secret::new(text.trim()));
    }
    if !io::stdin().is_terminal() {
        return read_secret(Path::new("-"));
    }
    let term = console::Term::stderr();
    context.say(&format!("{prompt} (is not shown):"));
    let text = Secret::new(interrupt::while_asking(|| term.read_secure_line())?);
    not_empty(Secret::new(text.expose().trim()), "nothing was entered")
}

/// What the file holds, or standard input for `-`.
fn read_secret(file: &Path) -> Result<Secret, CommandError> {
    const MAX_BYTES: u64 = 64 * 1024;
    let mut text = String::new();
    let read = if file == Path::new("-") {
        interrupt::while_asking(|| io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text))
    } else {
        File::open(file).and_then(|it| it.take(MAX_BYTES).read_to_string(&mut text))
    };
    let secret = Secret::new(text);
    read.map_err(|source| {
        failed(Error::File {
            act: "read",
            path: file.to_owned(),
            source,
        })
    })?;
    not_empty(
        Secret::new(secret.expose().trim()),
        &format!("{} holds nothing", file.display()),
    )
}

fn not_empty(secret: Secret, otherwise: &str) -> Result<Secret, CommandError> {
    if secret.expose().is_empty() {
        return Err(CommandError::usage(otherwise, None));
    }
    Ok(secret)
}

/// A failed login as the command tells it.
#[expect(clippy::needless_pass_by_value, reason = "it is used in `map_err`")]
pub(super) fn failed(err: Error) -> CommandError {
    let hint = err.hint();
    CommandError::failed(&err, hint)
}

/// Where logins are kept: `ORGKEEP_CONFIG_DIR`, else the user's folder for configuration.
pub(super) fn vault(context: &Context) -> Result<Vault, CommandError> {
    let dir = match context.variable("ORGKEEP_CONFIG_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => etcetera::choose_base_strategy()
            .map_err(|err| CommandError::failed(&err, Some("set ORGKEEP_CONFIG_DIR".to_owned())))?
            .config_dir()
            .join("orgkeep"),
    };
    let use_keyring = !matches!(
        context.variable("ORGKEEP_KEYRING"),
        Some("0" | "off" | "no" | "false")
    );
    Ok(Vault::at(dir, use_keyring))
}

/// The key that tags of secrets are made with: of the environment, else the one kept here.
pub(super) fn redaction_key(context: &Context) -> Result<Option<RedactionKey>, CommandError> {
    if let Some(text) = context.variable(REDACTION_KEY) {
        let hint = format!("set {REDACTION_KEY} to the key that made the history");
        return parse_redaction_key(text, hint).map(Some);
    }
    // Without a home there is no place where a key could lie.
    let Ok(vault) = vault(context) else {
        return Ok(None);
    };
    let hint = "put the key that made the history back into redaction.key, beside the logins";
    vault
        .redaction_key()?
        .map(|it| parse_redaction_key(it.expose(), hint.to_owned()))
        .transpose()
}

fn parse_redaction_key(text: &str, hint: String) -> Result<RedactionKey, CommandError> {
    RedactionKey::parse(text).map_err(|err| CommandError::failed(&err, Some(hint)))
}

/// Makes the key for a history that begins, where somebody may keep it: not in CI, where it
/// would be gone with the runner.
pub(super) fn make_redaction_key(context: &Context) -> Result<Option<RedactionKey>, CommandError> {
    let is_ci = context
        .variable("CI")
        .is_some_and(|it| !matches!(it, "0" | "false"));
    if is_ci {
        return Ok(None);
    }
    let Ok(vault) = vault(context) else {
        return Ok(None);
    };
    let (text, path) = vault.make_redaction_key()?;
    let hint = format!("remove {}", path.display());
    let key = parse_redaction_key(text.expose(), hint)?;
    context.note(&format!(
        "made the key of redaction tags, {}; other machines and CI need it as {REDACTION_KEY}",
        path.display()
    ));
    Ok(Some(key))
}

/// How to talk to orgs, by the options that every command has.
pub(super) fn client_options(context: &Context) -> Options {
    let globals = context.globals();
    Options {
        hosts: HostPolicy::allowing(&globals.allow_hosts),
        max_api_calls: globals.max_api_calls,
        ..Options::default()
    }
}
