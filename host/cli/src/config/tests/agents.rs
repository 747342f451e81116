//! Each thing that can be wrong with an agent or a callback, with its words and its place.

use super::{LEAST, case};

/// Each text stands after the least that is enough, in the table of the agent.
#[test]
fn each_error_about_an_agent_says_what_where_and_by_which_rule() {
    for (text, expected) in [
        (
            "region = \"mars\"\n",
            "5:10 error: agents.demo.region is \"mars\", and must be one of us, europe, asia",
        ),
        (
            "use_case = \"fun\"\n",
            "5:12 error: agents.demo.use_case is \"fun\", and must be one of otp, transactional, promotional, multi-use",
        ),
        (
            "card_suggestions_max = 11\n",
            "5:24 error: agents.demo.card_suggestions_max is 11, and must be a whole number from 1 to 10",
        ),
        (
            "burst = 0\n",
            "5:9 error: agents.demo.burst is 0, and must be a whole number from 1 to 10000",
        ),
        (
            "service_account_file = \"x\"\n",
            "5:1 error: agents.demo.service_account_file and agents.demo.bearer_token exclude each other",
        ),
        (
            "quiet_hours = { from = \"22:00\", to = \"07:00\" }\n",
            "5:1 error: agents.demo.quiet_hours.time_zone is missing: quiet hours are from a time to a time by the clocks \
             of a place",
        ),
        (
            "quiet_hours = { from = \"24:00\", to = \"07:00\", time_zone = \"UTC\" }\n",
            "5:24 error: agents.demo.quiet_hours.from is \"24:00\", and must be a time of day, such as 22:00",
        ),
        (
            "quiet_hours = { from = \"07:00\", to = \"07:00\", time_zone = \"UTC\" }\n",
            "5:38 error: agents.demo.quiet_hours.to is the same as agents.demo.quiet_hours.from, and must differ",
        ),
        (
            "quiet_hours = { from = \"22:00\", to = \"7:00\", time_zone = \"UTC\" }\n",
            "5:38 error: agents.demo.quiet_hours.to is \"7:00\", and must be a time of day, such as 22:00",
        ),
        (
            "quiet_hours = { from = \"22:00\", to = \"07:00\", time_zone = \"Mars/Here\" }\n",
            "5:59 error: agents.demo.quiet_hours.time_zone is \"Mars/Here\", and must be a time zone, such as Europe/Berlin",
        ),
        (
            "[agents.other]\nagent_id = \"demo@rbm.goog\"\nclient_token = \"c\"\nbearer_token = \"b\"\n",
            "6:12 error: agents.other.agent_id and agents.demo.agent_id are both demo@rbm.goog, and must differ",
        ),
        (
            "[agents.DEMO]\nagent_id = \"x\"\nclient_token = \"c\"\nbearer_token = \"b\"\n",
            "1:9 error: the names DEMO and demo differ only in capitals or in - and _, and must in more",
        ),
        (
            "[agents.\"a b\"]\nagent_id = \"x\"\n",
            "5:9 error: \"a b\" in agents is no name: 1 to 64 letters, digits, - and _, a letter or a digit first and last, \
             and no two of - and _ in a row",
        ),
        (
            "[agents.other]\nclient_token = \"c\"\nbearer_token = \"b\"\n",
            "5:9 error: agents.other.agent_id is missing: messages need an agent to come from",
        ),
        (
            "[agents.other]\nagent_id = \"a/b\"\nclient_token = \"c\"\nbearer_token = \"b\"\n",
            "6:12 error: agents.other.agent_id: \"a/b\" is not an agent id: 1 to 128 letters, digits, `_`, `-` or `.`, with \
             or without @rbm.goog",
        ),
        (
            "[agents.other]\nagent_id = \"x\"\nbearer_token = \"b\"\n",
            "5:9 error: agents.other.client_token is missing: without it nothing that comes to its webhook can be believed",
        ),
        (
            "[agents.other]\nagent_id = \"x\"\nclient_token = \"c\"\n",
            "5:9 error: agents.other.service_account_file is missing: messages need credentials, this or bearer_token_file",
        ),
        (
            "[agents.other]\nagent_id = \"x\"\nclient_token = \"c\"\nservice_account = \"{}\"\n",
            "8:1 error: agents.other.service_account: the key file's `type` is \"\", and must be \"service_account\"",
        ),
        (
            "[callbacks.shop]\nsecret_file = \"secrets/shop-secret\"\n",
            "5:12 error: callbacks.shop.url is missing: events need an address to go to",
        ),
        (
            "[callbacks.shop]\nurl = \"https://x.example\"\n",
            "5:12 error: callbacks.shop.secret is missing: without it the application cannot tell who posts",
        ),
        (
            "[callbacks.shop]\nurl = \"https://x.example\"\nsecret = \"whsec_YQ==\"\n",
            "7:1 error: callbacks.shop.secret must be whsec_ and base64 of 24 to 64 bytes, and is not",
        ),
    ] {
        assert_eq!(
            case(&format!("{LEAST}{text}")).findings(),
            [expected],
            "{text}"
        );
    }
}

#[test]
fn each_error_about_a_callback_says_what_where_and_by_which_rule() {
    let private = "which is a private address";
    for (line, expected) in [
        (
            "url = \"x\"",
            "6:7 error: callbacks.shop.url is \"x\", and must be one such as https://app.example/rbm".to_owned(),
        ),
        (
            "url = \"http://x.example\"",
            "6:7 error: callbacks.shop.url is \"http://x.example\", and must begin with https".into(),
        ),
        (
            "url = \"ftp://x.example\"",
            "6:7 error: callbacks.shop.url is \"ftp://x.example\", and must begin with https".into(),
        ),
        (
            "url = \"https://a:b@x.example\"",
            "6:7 error: callbacks.shop.url has a user in it, which is not taken".into(),
        ),
        (
            "url = \"https://a@x.example:99999\"",
            "6:7 error: callbacks.shop.url is no address, and must be one such as https://app.example/rbm".into(),
        ),
        (
            "url = \"https://x.example#a\"",
            "6:7 error: callbacks.shop.url is \"https://x.example#a\", and must not have a fragment".into(),
        ),
        ("url = \"https://localhost.\"", format!("6:7 error: callbacks.shop.url is \"https://localhost.\", {private}")),
        ("url = \"https://0x7f.1\"", format!("6:7 error: callbacks.shop.url is \"https://0x7f.1\", {private}")),
        (
            "url = \"https://[::ffff:10.0.0.1]\"",
            format!("6:7 error: callbacks.shop.url is \"https://[::ffff:10.0.0.1]\", {private}"),
        ),
        (
            "url = \"https://169.254.169.254\"",
            format!("6:7 error: callbacks.shop.url is \"https://169.254.169.254\", {private}"),
        ),
        ("url = \"https://x.example\"\nagents = []", "7:10 error: callbacks.shop.agents names no agent".into()),
        (
            "url = \"https://x.example\"\nagents = [\"demo\", \"dmeo\"]",
            "7:19 error: callbacks.shop.agents[1] is \"dmeo\", and there is no such agent; there are demo".into(),
        ),
        (
            "url = \"https://x.example\"\nagents = [\"demo\", \"demo\"]",
            "7:19 error: callbacks.shop.agents[1] is \"demo\", which is named before".into(),
        ),
        (
            "url = \"https://x.example\"\norder = 1",
            "7:9 error: callbacks.shop.order is 1, and must be true or false".into(),
        ),
    ] {
        let text = format!("{LEAST}[callbacks.shop]\n{line}\nsecret_file = \"secrets/shop-secret\"\n");
        assert_eq!(case(&text).findings(), [expected], "{line}");
    }
    let text = format!(
        "{LEAST}[callbacks.shop]\nurl = \"http://127.0.0.1:1\"\nsecret_file = \"secrets/shop-secret\"\n"
    );
    assert_eq!(
        case(&format!("{text}allow_private_addresses = true\n")).findings(),
        [""; 0]
    );
}

#[test]
fn a_name_can_be_part_of_an_address_and_of_a_variable() {
    let (longest, longer) = ("a".repeat(64), "a".repeat(65));
    for (name, is_name) in [
        ("a", true),
        ("9", true),
        ("Shop-2_b", true),
        (&longest, true),
        (&longer, false),
        ("", false),
        ("a__b", false),
        ("a-_b", false),
        ("-a", false),
        ("a_", false),
        ("a.b", false),
        ("a/b", false),
        ("é", false),
    ] {
        let text = format!(
            "{LEAST}[agents.\"{name}\"]\nagent_id = \"x\"\nclient_token = \"c\"\nbearer_token = \"b\"\n"
        );
        assert_eq!(case(&text).outcome.config.is_some(), is_name, "{name}");
    }
}
