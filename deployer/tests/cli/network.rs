//! Network settings of a machine: proxies, company certificate authorities, endpoints, profiles.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::bench::{Bench, RunOutput};
use crate::seat::Seat;

const STACK: &str = "stack: shop\nregion: us-east-1\nqueues: { orders: {} }\n";
/// An authority that nobody trusts, and a server certificate that it signed for `localhost`. The authority's key was
/// deleted.
const AUTHORITY: &str = include_str!("tls/authority.pem");
const CERTIFICATE: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server.key");

/// Returns a command that would call AWS itself.
async fn on_aws(arguments: &[&str]) -> (Bench, Command) {
    let bench = Bench::without_bucket(STACK).await;
    let mut command = bench.command(arguments);
    command.env_remove("AWS_ENDPOINT_URL").env("AWS_EC2_METADATA_DISABLED", "true");
    (bench, command)
}

/// Starts a proxy that refuses every tunnel. Its thread returns the first host that it was asked for.
fn refusing_proxy() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let first = std::thread::spawn(move || {
        let mut first = None;
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if line.starts_with("END") {
                break;
            }
            first.get_or_insert(line);
        }
        first.unwrap_or_default()
    });
    (url, first)
}

/// Runs the command with a proxy. Returns its result and the first line that the proxy read.
fn through_proxy(mut command: Command, variable: &str) -> (RunOutput, String) {
    let (url, first) = refusing_proxy();
    let ran = RunOutput::of(command.env(variable, &url).output().expect("the binary runs"));
    let mut end = std::net::TcpStream::connect(url.trim_start_matches("http://")).expect("the proxy listens");
    end.write_all(b"END\r\n").expect("a last word");
    (ran, first.join().expect("the proxy ends"))
}

#[tokio::test]
async fn aws_is_asked_through_the_proxy_of_the_environment() {
    for (variable, settings, host) in [
        ("HTTPS_PROXY", None, "sts.us-east-1.amazonaws.com"),
        ("https_proxy", None, "sts.us-east-1.amazonaws.com"),
        ("ALL_PROXY", Some("AWS_USE_FIPS_ENDPOINT"), "sts-fips.us-east-1.amazonaws.com"),
        ("HTTPS_PROXY", Some("AWS_USE_DUALSTACK_ENDPOINT"), "sts.us-east-1.api.aws"),
    ] {
        let (_bench, mut command) = on_aws(&["plan"]).await;
        if let Some(name) = settings {
            command.env(name, "true");
        }
        let (ran, asked) = through_proxy(command, variable);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains("aws::unreachable") && ran.stderr.contains("HTTPS_PROXY"), "{ran}");
        assert!(asked.starts_with(&format!("CONNECT {host}:443 ")), "{variable} {settings:?}: {asked}");
    }
}

#[tokio::test]
async fn a_local_aws_is_asked_past_the_proxy() {
    let bench = Bench::without_bucket(STACK).await;
    let mut command = bench.command(&["plan"]);
    command.env("ALL_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// Starts a server on `https://localhost:PORT` that refuses everything in AWS's form.
async fn secure_server() -> String {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let body = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>seen by the secure server</Message></Error></ErrorResponse>";
            let head = format!(
                "HTTP/1.1 403 Forbidden\r\ncontent-type: text/xml\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_trusted_when_it_is_named_and_not_before() {
    let url = secure_server().await;
    let bench = Bench::without_bucket(STACK).await;
    bench.write("authority.pem", AUTHORITY);
    bench.write("config", "[profile company]\nca_bundle = authority.pem\n[profile lost]\nca_bundle = nowhere.pem\n");
    let run = |settings: &[(&str, &str)]| {
        let mut command = bench.command(&["plan", "--endpoint-url", &url]);
        command.envs(settings.iter().copied()).env("AWS_CONFIG_FILE", bench.path().join("config"));
        RunOutput::of(command.output().expect("the binary runs"))
    };
    let strange = run(&[]);
    assert!(strange.stderr.contains("aws::untrusted") && strange.stderr.contains("AWS_CA_BUNDLE"), "{strange}");
    for known in [run(&[("AWS_CA_BUNDLE", "authority.pem")]), run(&[("AWS_PROFILE", "company")])] {
        assert!(known.stderr.contains("seen by the secure server"), "{known}");
    }
    for wrong in [run(&[("AWS_CA_BUNDLE", "nowhere.pem")]), run(&[("AWS_PROFILE", "lost")])] {
        assert!(wrong.stderr.contains("aws::ca-bundle") && wrong.stderr.contains("nowhere.pem"), "{wrong}");
    }
}

const ROLE: &str = "[default]\naws_access_key_id = ACCOUNT\naws_secret_access_key = test\n[profile admin]\nrole_arn = arn:aws:iam::ACCOUNT:role/admin\nmfa_serial = arn:aws:iam::ACCOUNT:mfa/ada\nsource_profile = default\n";

/// Returns a command with a profile whose role requires an MFA code.
fn guarded(bench: &Bench, arguments: &[&str]) -> Command {
    bench.write("config", &ROLE.replace("ACCOUNT", &bench.aws.place.account));
    let mut command = bench.command(arguments);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_PROFILE", "admin").env("AWS_CONFIG_FILE", bench.path().join("config"));
    command
}

#[tokio::test]
async fn a_role_with_mfa_is_assumed_with_the_code_that_a_person_types() {
    let bench = Bench::without_bucket(STACK).await;
    let alone = RunOutput::of(guarded(&bench, &["plan"]).stdin(Stdio::null()).output().expect("the binary runs"));
    assert_eq!(alone.code, Some(1), "{alone}");
    assert!(alone.stderr.contains("aws::mfa") && alone.stderr.contains("mfa/ada"), "{alone}");
    assert!(alone.stderr.contains("export-credentials"), "{alone}");

    let mut seat = Seat::at(guarded(&bench, &["plan"]));
    seat.until("mfa/ada:");
    let (code, shown) = seat.answer("123456");
    assert!(code == Some(0) && shown.contains("+ queues.orders"), "{shown}");
    // Keys in the environment take precedence over the profile, as for every AWS tool.
    let mut command = guarded(&bench, &["plan"]);
    command.env("AWS_ACCESS_KEY_ID", &bench.aws.place.account).env("AWS_SECRET_ACCESS_KEY", "test");
    let keys = RunOutput::of(command.stdin(Stdio::null()).output().expect("the binary runs"));
    assert_eq!(keys.code, Some(0), "{keys}");
}

#[tokio::test]
async fn a_session_of_aws_login_is_looked_for() {
    let (bench, mut command) = on_aws(&["plan"]).await;
    bench.write("config", "[profile me]\nlogin_session = arn:aws:iam::123456789012:user/ada\n");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_PROFILE", "me").env("AWS_CONFIG_FILE", bench.path().join("config"));
    let ran = RunOutput::of(command.output().expect("the binary runs"));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("aws login"), "{ran}");
}
