use super::*;

fn message(text: &str) -> String {
    parse(text, Path::new("sekisho.toml"), &Environment::new())
        .expect_err("these settings are wrong")
        .to_string()
}

#[test]
fn an_empty_file_runs() {
    let settings = parse("", Path::new("sekisho.toml"), &Environment::new()).unwrap();
    assert_eq!(settings.listen.http.to_string(), "127.0.0.1:8600");
    assert!(settings.channels.is_empty());
}

#[test]
fn what_is_wrong_names_file_line_key_and_what_was_expected() {
    for (text, expected) in [
        (
            "\nzone = \"Tokyo\"",
            "sekisho.toml:2: `zone` is \"Tokyo\", expected a zone of the IANA database such as \"Asia/Tokyo\"",
        ),
        (
            "lang = \"fr\"",
            "sekisho.toml:1: `lang` is \"fr\", expected one of ja, en",
        ),
        (
            "[listen]\nhttp = \"0.0.0.0:8600\"",
            "sekisho.toml:2: `listen.http` is \"0.0.0.0:8600\", expected a loopback address, or `allow_plaintext = true` in [listen] where the network is trusted",
        ),
        (
            "[listen]\nsyslog_tls = \"0.0.0.0:6514\"",
            "sekisho.toml:2: `listen.syslog_tls` is \"0.0.0.0:6514\", expected [tls] with `certificate` and `key` for it",
        ),
        (
            "[listen]\nforward = \"0.0.0.0:24224\"",
            "sekisho.toml:2: `listen.forward` is \"0.0.0.0:24224\", expected a loopback address, or `allow_plaintext = true` in [listen] where the network is trusted",
        ),
        (
            "[listen]\nlumberjack_tls = \"0.0.0.0:5044\"\n[tls]\ncertificate = \"c\"\nkey = \"k\"",
            "sekisho.toml:2: `listen.lumberjack_tls` is \"0.0.0.0:5044\", expected a loopback address, or `client_ca` in [tls]: else anybody may send",
        ),
        (
            "[source.\"linux.sshd\"]\nmap = \"m.toml\"",
            "sekisho.toml:1: `source.map` is \"linux.sshd\", expected one of csv.map, generic.json",
        ),
        (
            "[tls]\ncertificate = \"server.pem\"",
            "sekisho.toml:2: `tls.key` is missing, expected the PEM file of the private key",
        ),
        (
            "[[kafka]]\nbrokers = []\ntopics = [\"signins\"]\nsource = \"auto\"",
            "sekisho.toml:2: `kafka.brokers` is [], expected addresses such as [\"127.0.0.1:9092\"]",
        ),
        (
            "[[kafka]]\nbrokers = [\"h:9093\"]\ntopics = [\"signins\"]\nsource = \"auto\"\nuser = \"x\"",
            "sekisho.toml:5: `kafka.password_file` is missing, expected a file with the password, or SEKISHO__KAFKA__1__PASSWORD in the environment",
        ),
        (
            "[[kafka]]\nbrokers = [\"h:9093\"]\ntopics = [\"signins\"]\nsource = \"auto\"\ntls = true\ncertificate = \"c.pem\"",
            "sekisho.toml:6: `kafka.key` is missing, expected the PEM file of the private key",
        ),
        (
            "[source.\"fortigate.event\"]\nzone = \"JST9\"",
            "sekisho.toml:2: `source.zone` is \"JST9\", expected a zone of the IANA database such as \"Asia/Tokyo\"",
        ),
        (
            "[store]\nepoch_secs = 0",
            "sekisho.toml:2: `store.epoch_secs` is 0, expected 1 or more",
        ),
        (
            "[digest]\nat = \"9 o'clock\"",
            "sekisho.toml:2: `digest.at` is \"9 o'clock\", expected a time of day such as \"09:00\"",
        ),
        (
            "[[channel]]\nname = \"it\"\ntype = \"slack\"",
            "sekisho.toml:2: `channel.url_file` is missing, expected a file with the address to post to, or SEKISHO__CHANNEL__IT__URL in the environment",
        ),
    ] {
        assert_eq!(message(text), expected);
    }
}

#[test]
fn an_unknown_key_is_named_with_the_known_ones() {
    let found = message("data = \"d\"\n[listen]\nhtpp = \"127.0.0.1:1\"");
    assert!(
        found.starts_with("sekisho.toml:3: unknown field `htpp`, expected one of `http`"),
        "{found}"
    );
}

#[test]
fn a_secret_comes_from_the_environment_before_its_file_and_is_never_shown() {
    let environment = Environment::from([(
        "SEKISHO__CHANNEL__IT__URL".to_owned(),
        "https://chat.example.com/secret".to_owned(),
    )]);
    let text = "[[channel]]\nname = \"it\"\ntype = \"slack\"\nurl_file = \"slack.url\"";
    let settings = parse(text, Path::new("sekisho.toml"), &environment).unwrap();
    assert_eq!(
        settings.channels[0].url.read().unwrap(),
        "https://chat.example.com/secret"
    );
    assert!(!format!("{settings:?}").contains("chat.example.com"));
}
