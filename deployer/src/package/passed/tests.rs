use super::*;

fn built_with(name: &str, value: &str) -> bool {
    passes(name, value, &[], For::Build)
}

#[test]
fn credentials_of_clouds_forges_and_ci_systems_reach_no_build() {
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_OUTPUT",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_RESULTS_URL",
        "CI_JOB_TOKEN",
        "CI_JOB_JWT_V2",
        "CI_REGISTRY_PASSWORD",
        "CI_PROJECT_DIR",
        "GITLAB_TOKEN",
        "DEPLOYER_VAR_api_key",
        "DEPLOYER_VAR_FILE_PATH",
        "DEPLOYER_BUILD_ENV",
        "DOCKER_AUTH_CONFIG",
        "DOCKER_CERT_PATH",
        "NPM_TOKEN",
        "NODE_AUTH_TOKEN",
        "VAULT_TOKEN",
        "TF_VAR_db_password",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "ARM_CLIENT_SECRET",
        "KUBECONFIG",
        "SSH_AUTH_SOCK",
        "GIT_ASKPASS",
        "GIT_CONFIG_VALUE_0",
        "NIX_CONFIG",
        "STRIPE_KEY",
        "DATABASE_URL",
        "SENTRY_DSN",
        "SLACK_WEBHOOK",
        "PROD_PATH_TOKEN",
    ] {
        assert!(!built_with(name, "x"), "{name}");
    }
}

#[test]
fn what_compilers_caches_registries_and_proxies_need_stays() {
    for (name, value) in [
        ("PATH", "/usr/bin"),
        ("HOME", "/h"),
        ("RUSTFLAGS", "-C debuginfo=1"),
        ("RUSTC_WRAPPER", "sccache"),
        ("SCCACHE_BUCKET", "cache"),
        ("SCCACHE_S3_KEY_PREFIX", "x"),
        ("CARGO_HOME", "/c"),
        ("CARGO_REGISTRIES_OURS_INDEX", "sparse+https://crates.example.com/"),
        ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "clang"),
        ("CC", "clang"),
        ("CC_aarch64_unknown_linux_gnu", "gcc"),
        ("TARGET_CFLAGS", "-O2"),
        ("CFLAGS_x86_64-unknown-linux-gnu", "-O2"),
        ("PKG_CONFIG_PATH", "/p"),
        ("LD_LIBRARY_PATH", "/l"),
        ("OPENSSL_DIR", "/o"),
        ("LIBPQ_LIB_DIR", "/pq"),
        ("AWS_LC_SYS_NO_ASM", "1"),
        ("ZSTD_SYS_USE_PKG_CONFIG", "1"),
        ("PROTOC", "/p"),
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("no_proxy", "localhost"),
        ("SSL_CERT_FILE", "/ca.pem"),
        ("LC_ALL", "C"),
    ] {
        assert!(built_with(name, value), "{name}");
    }
}

#[test]
fn tokens_of_registries_and_passwords_of_proxies_are_for_fetching_alone() {
    for (name, value) in [
        ("CARGO_REGISTRY_TOKEN", "x"),
        ("CARGO_REGISTRIES_OURS_TOKEN", "x"),
        ("HTTPS_PROXY", "http://me:pw@proxy:3128"),
        ("https_proxy", "me:pw@proxy:3128"),
        ("CARGO_HTTP_PROXY", "http://me:pw@proxy:3128"),
        ("SSH_AUTH_SOCK", "/s"),
        ("GIT_ASKPASS", "/a"),
    ] {
        assert!(!built_with(name, value), "{name}");
        assert!(passes(name, value, &[], For::Fetch), "{name}");
    }
    assert!(!passes("AWS_SECRET_ACCESS_KEY", "x", &[], For::Fetch));
    assert!(!built_with("SCCACHE_REDIS", "redis://:pw@cache"));
    assert!(!built_with("SCCACHE_WEBDAV_TOKEN", "x"));
}

#[test]
fn a_value_with_a_token_in_it_reaches_no_build_whatever_its_name() {
    let blob = "clear;x-azblob,https://us.blob.core.windows.net/cache";
    for (name, value) in [
        ("VCPKG_BINARY_SOURCES", format!("{blob},sv=2022-11-02&ss=b&sig=abc%3D,readwrite")),
        ("VCPKG_BINARY_SOURCES", format!("{blob},?sig=abc,readwrite")),
        ("VCPKG_BINARY_SOURCES", "http,https://cache.example/{sha},readwrite,Authorization: Bearer abc".into()),
        ("VCPKG_BINARY_SOURCES", "http,https://me:pw@cache.example/{sha},readwrite".into()),
        ("RUSTUP_DIST_SERVER", "https://cache.example/?X-Amz-Signature=abc".into()),
        ("SCCACHE_ENDPOINT", "https://cache.example/?access_token=abc".into()),
        ("CMAKE_TLS_CACHE", "DefaultEndpointsProtocol=https;AccountKey=abc==".into()),
    ] {
        assert!(!built_with(name, &value), "{name}={value}");
        assert!(passes(name, &value, &[name], For::Build), "{name}: named by the project");
    }
    for (name, value) in [
        ("VCPKG_BINARY_SOURCES", "clear;files,/cache,readwrite"),
        ("VCPKG_BINARY_SOURCES", "clear;x-aws,s3://cache/vcpkg/,readwrite"),
        ("VCPKG_ROOT", "/opt/vcpkg"),
        ("RUSTFLAGS", "-C target-cpu=native --cfg feature=\"tokens\""),
        ("PKG_CONFIG_PATH", "/usr/lib:/opt/token/lib"),
    ] {
        assert!(built_with(name, value), "{name}={value}");
    }
}

#[test]
fn a_named_variable_passes_whatever_it_is_called() {
    let named = ["GIT_SHA", "ACTIONS_RUNTIME_TOKEN"];
    assert!(passes("GIT_SHA", "1", &named, For::Build));
    assert!(passes("ACTIONS_RUNTIME_TOKEN", "1", &named, For::Build));
    assert!(!passes("GIT_SHA2", "1", &named, For::Build));
}
