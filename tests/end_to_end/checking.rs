//! `rbm check` and `rbm explain`: what is wrong, shown where it is, and what the rule is.

use crate::program::rbm;
use serde_json::Value;
use tempfile::NamedTempFile;

const WRONG: &str = r#"{
  "to": "+15550100001",
  "content": { "text": "Your parcel is here." },
  "suggestions": [
    { "reply": { "text": "This is far too long to be a chip" } },
    { "dial": { "text": "Call", "phone": "+1 555" } }
  ],
  "lifetime_seconds": 5
}"#;

fn wrong() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), WRONG).unwrap();
    file
}

#[test]
fn each_finding_is_shown_in_the_file_with_a_caret() {
    let file = wrong();
    let path = file.path().to_str().unwrap();
    let ended = rbm(&["check", path], b"");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("1 of 1 cannot be sent"),
        "{}",
        ended.stderr
    );
    let expected = format!(
        "\
error[suggestion-text-length]: suggestions[0].reply.text has 33 characters, the limit is 25
 --> {path}:5:26
  |
5 |     {{ \"reply\": {{ \"text\": \"This is far too long to be a chip\" }} }},
  |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ allowed: 1 to 25 characters
  |
  = help: shorten it: the postback can say the rest
  = note: https://developers.google.com/business-communications/rcs-business-messaging/guides/build/messages/send
"
    );
    assert!(ended.stdout.starts_with(&expected), "{}", ended.stdout);
    assert!(ended.stdout.contains(":6:42\n"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("warning[lifetime-short]"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .ends_with(": 2 errors, 1 warning, RICH_MESSAGE\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn findings_come_as_json_too_a_line_for_each_file() {
    let file = wrong();
    let good = br#"{"to":"+4915550100001","content":{"text":"Hi"}}"#;
    let ended = rbm(
        &["check", "--json", "-", file.path().to_str().unwrap()],
        good,
    );
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["findings"].as_array().unwrap().len(), 0);
    assert_eq!(
        (&lines[0]["file"], &lines[0]["message_class"]),
        (&"-".into(), &"BASIC_MESSAGE".into())
    );
    let finding = &lines[1]["findings"][0];
    assert_eq!(
        (&finding["limit"], &finding["actual"]),
        (&"1 to 25 characters".into(), &"33 characters".into())
    );
}

#[test]
fn what_is_no_message_is_an_error_and_what_is_no_file_is_used_wrongly() {
    for (arguments, stdin, code, out, err) in [
        (
            &["check", "-"][..],
            r#"{"to":"+12","content":{"text":"Hi"}}"#,
            0,
            "0 errors, 0 warnings",
            "",
        ),
        (
            &["check", "-"],
            "{\"to\":",
            1,
            "error[not-json]: this is not JSON: EOF",
            "1 of 1",
        ),
        (
            &["check", "-"],
            r#"{"to":"+12","to":"+13"}"#,
            1,
            "not-json",
            "1 of 1",
        ),
        (
            &["check", "-"],
            "[]",
            1,
            "the message is an array, and must be an object",
            "1 of 1",
        ),
        (
            &["check", "-"],
            r#"{"to":"+12","content":{"text":"a","card":{}}}"#,
            1,
            "content-exactly-one",
            "1 of 1",
        ),
        (
            &["check", "-", "--setting", "use-case=multi-use"],
            r#"{"to":"+12","content":{"text":"a"}}"#,
            1,
            "purpose-required",
            "",
        ),
        (
            &["check", "-", "--setting", "x"],
            "",
            2,
            "",
            "\"x\" is not NAME=VALUE",
        ),
        (
            &["check", "/nowhere.json"],
            "",
            2,
            "",
            "/nowhere.json could not be read",
        ),
        (&["check"], "", 2, "", "<FILES>"),
    ] {
        let ended = rbm(arguments, stdin.as_bytes());
        assert_eq!(
            ended.code,
            Some(code),
            "{arguments:?} {stdin}: {}",
            ended.stderr
        );
        assert!(
            ended.stdout.contains(out),
            "{arguments:?} {stdin}: {}",
            ended.stdout
        );
        assert!(
            ended.stderr.contains(err),
            "{arguments:?} {stdin}: {}",
            ended.stderr
        );
    }
    assert_eq!(rbm(&["check", "-"], b"\xff").code, Some(2));
}

#[test]
fn a_setting_that_is_given_is_a_setting_that_there_is() {
    let good = br#"{"to":"+12","content":{"text":"Hi"}}"#;
    for (setting, said) in [
        ("use-case=fun", "`use-case` is \"fun\", and must be otp"),
        (
            "nope=1",
            "there is no setting \"nope\"; the settings are agent-id",
        ),
        (
            "card-suggestions-max=99",
            "`card-suggestions-max` is \"99\", and must be a number from 1 to 10",
        ),
        ("agent-id=a/b", "\"a/b\" is not an agent id"),
        ("client-token=", "`client-token` is empty"),
    ] {
        // A second one, so that a good one does not hide a bad one.
        let ended = rbm(
            &[
                "check",
                "-",
                "--setting",
                "unverified-status=401",
                "--setting",
                setting,
            ],
            good,
        );
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{setting}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.starts_with("error: --setting: "),
            "{setting}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains(said), "{setting}: {}", ended.stderr);
    }
    let ended = rbm(
        &[
            "check",
            "-",
            "--setting",
            "use-case=otp",
            "--setting",
            "agent-id=demo",
        ],
        good,
    );
    assert_eq!(
        ended.code,
        Some(0),
        "what is not given is not missing: {}",
        ended.stderr
    );
    let twice = rbm(
        &[
            "check",
            "-",
            "--setting",
            "use-case=otp",
            "--setting",
            "use-case=otp",
        ],
        good,
    );
    assert!(
        twice.code == Some(2) && twice.stderr.contains("more than once"),
        "{}",
        twice.stderr
    );
}

#[test]
fn what_cannot_be_read_does_not_stop_the_rest() {
    let file = wrong();
    let path = file.path().to_str().unwrap();
    let good = br#"{"to":"+12","content":{"text":"Hi"}}"#;
    let ended = rbm(&["check", "--json", "/nowhere.json", path, "/", "-"], good);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let files = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["file"].clone());
    assert_eq!(files.collect::<Vec<_>>(), [path, "-"]);
    for said in [
        "error: /nowhere.json could not be read",
        "error: / could not be read",
    ] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert!(
        ended
            .stderr
            .ends_with("error: 2 of 4 could not be read, 1 cannot be sent\n"),
        "{}",
        ended.stderr
    );
    let endless = rbm(&["check", "/dev/zero"], b"");
    assert_eq!(endless.code, Some(2), "{}", endless.stdout);
    assert!(
        endless
            .stderr
            .contains("/dev/zero could not be read: it has more than"),
        "{}",
        endless.stderr
    );
}

#[test]
fn what_is_no_json_is_shown_where_it_stops_being_it() {
    let ended = rbm(&["check", "-"], "{\n  \"to\": \"é\", x\n}".as_bytes());
    let expected = "\
error[not-json]: this is not JSON: key must be a string at line 2 column 15
 --> -:2:14
  |
2 |   \"to\": \"é\", x
  |              ^
  |
  = note: gateway:channel@0.1.0

-: 1 error, 0 warnings
";
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), expected),
        "{}",
        ended.stderr
    );
    let marked = rbm(
        &["check", "-"],
        "\u{feff}{\"to\":\"+12\",\"content\":{\"text\":\"Hi\"}}".as_bytes(),
    );
    assert_eq!(marked.code, Some(1), "{}", marked.stderr);
    assert!(
        marked
            .stdout
            .contains("this is not JSON: it begins with a byte order mark\n"),
        "{}",
        marked.stdout
    );
    assert!(
        marked
            .stdout
            .contains("= help: save it as UTF-8 without one"),
        "{}",
        marked.stdout
    );
}

#[test]
fn each_rule_is_explained_with_its_source() {
    let ended = rbm(&["explain", "postback-length"], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in [
        "postback-length (error)",
        "suggestions[].postback",
        "2048 characters",
        "published",
        "guides/build/messages/send",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let unknown = rbm(&["explain", "postback-lenght"], b"");
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("did you mean postback-length?"),
        "{}",
        unknown.stderr
    );
    let listed = rbm(&["explain"], b"").stdout;
    for rule in ["text-length ", "not-json ", "config-exposed "] {
        assert!(
            listed.lines().any(|line| line.starts_with(rule)),
            "{rule} is not in {listed}"
        );
    }
}

#[test]
fn the_page_of_all_limits_is_the_one_that_the_table_makes() {
    let page = include_str!("../../guest/wire/LIMITS.md");
    assert_eq!(
        rbm(&["explain", "--markdown"], b"").stdout,
        page,
        "write it again: rbm explain --markdown"
    );
}

/// What the page shows is what is taken, by the same checks that a sent message meets.
#[test]
fn each_example_of_the_page_of_messages_can_be_sent() {
    let examples: Vec<&str> = MESSAGES
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 7);
    for example in examples {
        let ended = rbm(&["check", "--json", "-"], example.as_bytes());
        assert_eq!(ended.code, Some(0), "{example}\n{}", ended.stdout);
        let checked: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(checked["message_class"].is_string(), "{example}\n{checked}");
    }
}

const MESSAGES: &str = include_str!("../../host/json/MESSAGES.md");
