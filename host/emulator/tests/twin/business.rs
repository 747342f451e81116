//! The Business Communications API as a script sees it that manages brands, agents, launches and webhooks; and that the
//! messaging API and the webhooks obey what was ordered, after a delay.

use crate::support::receiver::{Receiver, answer, good};
use crate::support::{JsonValue as _, SCOPE, TOKEN, emulator_with, expect_invalid, token};
use jiff::{SignedDuration, Timestamp};
use rbm_clock::Clock;
use rbm_emulator::phone::{Phone, demo};
use rbm_emulator::platform::{Agent, Rules};
use rbm_emulator::{Emulator, Options, SecretRule, WebhookSettings};
use rbm_wire::name::{AgentId, PhoneNumber};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn brands_are_made_changed_listed_and_removed() {
    let script = Script::start().await;
    let (status, made) = script
        .post("/v1/brands", json!({ "display_name": "Bank" }))
        .await;
    let name = made["name"].as_str().unwrap().to_owned();
    assert_eq!(
        (status, &made),
        (200, &json!({ "name": name, "displayName": "Bank" }))
    );
    assert_eq!(
        script.get(&format!("/v1/{name}")).await,
        (200, made.clone())
    );
    let renamed = script
        .patch(
            &format!("/v1/{name}?updateMask=displayName"),
            json!({ "displayName": "Tree" }),
        )
        .await;
    assert_eq!(
        renamed,
        (200, json!({ "name": name, "displayName": "Tree" }))
    );
    let (_, listed) = script.get("/v1/brands").await;
    let names: Vec<&str> = listed["brands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|brand| brand["displayName"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"Tree") && names.contains(&"Emulator") && names.len() == 2,
        "{listed}"
    );

    let (status, unknown) = script
        .post(
            "/v1/brands",
            json!({ "displayName": "Bank", "colour": "red" }),
        )
        .await;
    expect_invalid(
        status,
        &unknown,
        "Unknown name \"colour\": Cannot find field.",
        "an unknown field",
    );
    let (status, wrong) = script
        .patch(&format!("/v1/{name}?updateMask=colour"), json!({}))
        .await;
    expect_invalid(
        status,
        &wrong,
        "there is no field \"colour\"",
        "an unknown field in the mask",
    );
    let (status, wrong) = script
        .patch(&format!("/v1/{name}?updateMask=*"), json!({}))
        .await;
    expect_invalid(
        status,
        &wrong,
        "displayName is required",
        "nothing left of it",
    );
    let (status, wrong) = script.get(&format!("/v1/{name}?force=true")).await;
    expect_invalid(
        status,
        &wrong,
        "Cannot bind query parameter. Field 'force'",
        "a parameter of another method",
    );

    assert_eq!(
        script
            .call(Method::DELETE, &format!("/v1/{name}"), None)
            .await,
        (200, json!({}))
    );
    for path in [
        format!("/v1/{name}"),
        "/v1/brands/none".to_owned(),
        format!("/v1/{name}/agents"),
    ] {
        let (status, answer) = script.get(&path).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (404, &json!("NOT_FOUND")),
            "{path}: {answer}"
        );
    }
    let (status, old) = script.get(&format!("/v1/{name}?$.xgafv=1")).await;
    let (reason, message) = (
        &old["error"]["errors"][0]["reason"],
        &old["error"]["message"],
    );
    assert_eq!(
        (status, reason, message),
        (
            404,
            &json!("notFound"),
            &json!(format!("There is no {name}."))
        )
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn agents_are_made_changed_and_listed() {
    let script = Script::start().await;
    let brand = script.brand().await;
    let profile = json!({ "description": "Trees", "color": "#0B78D0", "agentUseCase": "TRANSACTIONAL",
        "hostingRegion": "EUROPE", "billingConfig": { "billingCategory": "NON_CONVERSATIONAL" },
        "phoneNumbers": [{ "phoneNumber": { "number": "+12223334444" }, "label": "Call" }],
        "privacy": { "uri": "https://x.example/" }, "logoUri": "https://x.example/logo.png" });
    let body = json!({ "displayName": "Growing Tree", "rcsBusinessMessagingAgent": profile, "brandName": "dropped" });
    let (status, made) = script.post(&format!("/v1/{brand}/agents"), body).await;
    assert_eq!(status, 200, "{made}");
    let name = made["name"].as_str().unwrap().to_owned();
    let id = name.rsplit('/').next().unwrap();
    assert!(
        name.starts_with(&format!("{brand}/agents/growing_tree_")) && name.ends_with("_agent"),
        "{name}"
    );
    let partner = made["rcsBusinessMessagingAgent"]["partner"]
        .as_str()
        .unwrap();
    assert!(partner.starts_with("partners/"), "{made}");
    let mut expected = profile.clone();
    (expected["partner"], expected["launchDetails"]) = (json!(partner), json!({}));
    let expected = json!({ "name": name, "displayName": "Growing Tree", "brandName": "Bank", "isArchived": false,
        "rcsBusinessMessagingAgent": expected });
    assert_eq!(made, expected);
    for path in [
        format!("/v1/{name}"),
        format!("/v1/brands/-/agents/{id}"),
        format!("/v1/{name}@rbm.goog"),
    ] {
        assert_eq!(script.get(&path).await, (200, expected.clone()), "{path}");
    }

    let mask = "rcs_business_messaging_agent.description,rcsBusinessMessagingAgent.color";
    let body = json!({ "displayName": "Oak", "rcsBusinessMessagingAgent": { "description": "Taller trees" } });
    let (_, patched) = script
        .patch(&format!("/v1/{name}?update_mask={mask}"), body)
        .await;
    assert_eq!(patched["displayName"], "Growing Tree", "not in the mask");
    assert_eq!(
        patched["rcsBusinessMessagingAgent"]["description"],
        "Taller trees"
    );
    assert_eq!(
        patched["rcsBusinessMessagingAgent"].get("color"),
        None,
        "in the mask, and not in the body"
    );

    let archived = script
        .patch(
            &format!("/v1/{name}?updateMask=is_archived"),
            json!({ "isArchived": true }),
        )
        .await;
    assert_eq!((archived.0, &archived.1["isArchived"]), (200, &json!(true)));
    let list = async |query: &str| {
        let (_, page) = script.get(&format!("/v1/{brand}/agents{query}")).await;
        page["agents"].as_array().cloned().unwrap_or_default()
    };
    assert_eq!(list("").await, Vec::<Value>::new());
    let listed = list("?includeArchived=true").await;
    assert_eq!(
        (
            listed.len(),
            listed[0]["rcsBusinessMessagingAgent"].get("launchDetails")
        ),
        (1, None)
    );
    assert!(
        list("?include_archived=true&includeLaunchData=true").await[0]["rcsBusinessMessagingAgent"]
            ["launchDetails"]
            .is_object()
    );
    let (_, launched) = script
        .get("/v1/brands/-/agents?launchStateFilter=LAUNCH_STATE_LAUNCHED")
        .await;
    assert_eq!(
        launched["agents"].as_array().unwrap().len(),
        1,
        "the one from the start"
    );
    let (status, wrong) = script
        .get("/v1/brands/-/agents?launchStateFilter=GONE")
        .await;
    expect_invalid(status, &wrong, "is no state of a launch", "a filter");
    let (status, answer) = script
        .call(Method::DELETE, &format!("/v1/{name}"), None)
        .await;
    assert_eq!(
        (status, &answer["error"]["status"]),
        (400, &json!("FAILED_PRECONDITION")),
        "{answer}"
    );
    for path in [
        format!("/v1/{brand}/agents/none"),
        format!("/v1/{brand}/agents/demo"),
        format!("/v1/brands/-/agents/{id}:get"),
    ] {
        assert_eq!(script.get(&path).await.0, 404, "{path}");
    }
    assert_eq!(
        script.post(&format!("/v1/{name}:get"), json!({})).await.0,
        404,
        "no verb"
    );
}

/// The whole way of a new agent, as a partner and its carrier go it.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn an_agent_is_verified_and_then_launched() {
    let script = Script::start().await;
    let receiver = Receiver::start(good).await;
    let name = script.agent().await;
    let agent = name.rsplit('/').next().unwrap().to_owned();
    script.integrate(&name, &receiver.url).await;
    script.settle().await;
    assert_eq!(script.send(&agent, "m1").await, 403, "launched nowhere");

    let tester = json!({ "phoneNumber": ONLINE, "agentId": agent });
    assert_eq!(script.post("/v1/testers", tester).await.0, 200);
    script
        .control(
            &format!("/emulator/phones/{ONLINE}"),
            json!({ "agent": agent, "tester": true }),
        )
        .await;
    assert_eq!(script.send(&agent, "m2").await, 200, "to a tester");
    assert_eq!(
        script.send_to(OTHER, &agent, "m3").await,
        403,
        "to nobody else"
    );

    let contact = json!({ "partnerName": "p", "partnerEmailAddress": "p@x.example", "brandContactName": "b",
        "brandContactEmailAddress": "b@x.example", "brandWebsiteUrl": "https://x.example/" });
    let request = json!({ "agentVerificationContact": contact });
    let (status, verification) = script
        .post(&format!("/v1/{name}:requestVerification"), request)
        .await;
    let expected = json!({ "name": format!("{name}/verification"), "agentVerificationContact": contact,
        "verificationState": "VERIFICATION_STATE_PENDING" });
    assert_eq!((status, &verification), (200, &expected));
    let verified = json!({ "verificationState": "VERIFICATION_STATE_VERIFIED" });
    assert_eq!(
        script
            .patch(&format!("/v1/{name}/verification"), verified)
            .await
            .0,
        200
    );
    let (_, verification) = script.get(&format!("/v1/{name}/verification")).await;
    assert_eq!(
        verification["verificationState"],
        "VERIFICATION_STATE_VERIFIED"
    );

    let questionnaire = json!({ "optinDescription": "They ask for it." });
    let launch = json!({ "questionnaire": questionnaire, "launchDetails": { CARRIER: {} } });
    let request = json!({ "agentLaunch": { "rcsBusinessMessaging": launch } });
    let (status, asked) = script
        .post(&format!("/v1/{name}:requestLaunch"), request)
        .await;
    let detail = &asked["rcsBusinessMessaging"]["launchDetails"][CARRIER];
    assert_eq!(
        (status, &detail["launchState"]),
        (200, &json!("LAUNCH_STATE_PENDING")),
        "{asked}"
    );
    assert_eq!(
        asked["rcsBusinessMessaging"]["questionnaire"],
        questionnaire
    );

    // The carrier, which does not know whose agent it is.
    let detail = json!({ "launchState": "LAUNCH_STATE_LAUNCHED", "comment": "Welcome" });
    let body = json!({ "rcsBusinessMessaging": { "launchDetails": { CARRIER: detail } } });
    let path = format!("/v1/brands/-/agents/{agent}/launch?actingParty=Carrier");
    let (status, launched) = script.patch(&path, body).await;
    assert_eq!(status, 200, "{launched}");
    assert_eq!(
        script.get(&format!("/v1/{name}/launch")).await.1,
        launched,
        "it is read back at once"
    );
    assert_eq!(
        launched["rcsBusinessMessaging"]["launchDetails"][CARRIER]["comment"],
        "Welcome"
    );
    assert_eq!(
        script.send_to(OTHER, &agent, "m4").await,
        403,
        "and has no effect yet"
    );

    script.clock.advance(Duration::from_secs(4)).unwrap();
    assert_eq!(
        script.send_to(OTHER, &agent, "m5").await,
        403,
        "nor after 4 s"
    );
    script.clock.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(
        script.send_to(OTHER, &agent, "m6").await,
        200,
        "but after 5 s"
    );

    // The webhook was told of the launches and, when they were delivered, of the messages.
    script.clock.advance(Duration::from_secs(1)).unwrap();
    let calls = receiver.wait_for(4).await;
    assert!(calls.iter().all(|call| call.is_signed_by(TOKEN)));
    let notices: Vec<Value> = calls
        .iter()
        .map(crate::support::receiver::Call::notice)
        .collect();
    let told = |new: &str| {
        notices
            .iter()
            .find(|notice| notice["newLaunchState"] == new)
            .cloned()
            .unwrap()
    };
    let notice = told("LAUNCHED");
    let said = [
        "botDisplayName",
        "brandDisplayName",
        "regionId",
        "oldLaunchState",
        "actingParty",
        "comment",
    ]
    .map(|field| &notice[field]);
    assert_eq!(
        said,
        [
            "Growing Tree",
            "Bank",
            CARRIER,
            "PENDING",
            "Carrier",
            "Welcome"
        ],
        "{notice}"
    );
    assert_eq!(notice["brandId"], name.split('/').nth(1).unwrap());
    assert_eq!(told("PENDING")["oldLaunchState"], "UNLAUNCHED");
    let delivered = notices
        .iter()
        .filter(|notice| notice["eventType"] == "DELIVERED")
        .map(|notice| notice["messageId"].as_str().unwrap());
    assert_eq!(delivered.collect::<Vec<_>>(), ["m2", "m6"]);
}

#[tokio::test]
async fn regions_are_those_of_phones_and_launches() {
    let script = Script::start().await;
    let name = script.agent().await;
    let listed = async || {
        let (_, answer) = script.get("/v1/regions").await;
        answer["regions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|region| region["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [CARRIER, "/v1/regions/other"]);
    script.launch(&name, "/v1/regions/fi-rcs").await;
    assert_eq!(
        listed().await,
        [CARRIER, "/v1/regions/fi-rcs", "/v1/regions/other"]
    );
    let (_, answer) = script.get("/v1/regions").await;
    let region = json!({ "name": "/v1/regions/fi-rcs", "displayName": "fi-rcs", "managementType": "CARRIER_MANAGED" });
    assert_eq!(answer["regions"][1], region);
}

#[tokio::test]
async fn an_integration_is_made_shown_changed_and_deleted() {
    let script = Script::start().await;
    let (first, second) = (Receiver::start(good).await, Receiver::start(good).await);
    let name = script.agent().await;
    let made = script.integrate(&name, &first.url).await;
    let integration = made["name"].as_str().unwrap().to_owned();
    assert!(
        integration.starts_with(&format!("{name}/integrations/")),
        "{made}"
    );
    let expected = json!({ "name": integration, "status": "ENABLED", "agentWebhookIntegration": { "webhookUri": first.url } });
    assert_eq!(made, expected);
    assert_eq!(
        script.get(&format!("/v1/{integration}")).await,
        (200, expected.clone())
    );
    let listed = json!({ "integrations": [expected] });
    assert_eq!(
        script.get(&format!("/v1/{name}/integrations")).await,
        (200, listed)
    );

    let body = json!({ "agentWebhookIntegration": { "webhookUri": second.url } });
    let path = format!("/v1/{integration}?updateMask=agentWebhookIntegration.webhookUri");
    let (status, changed) = script.patch(&path, body).await;
    assert_eq!(
        (status, &changed["agentWebhookIntegration"]["webhookUri"]),
        (200, &json!(second.url))
    );
    assert_eq!(
        second.handshakes()[0].body["clientToken"],
        TOKEN,
        "the token stays"
    );
    assert_eq!(
        script
            .call(Method::DELETE, &format!("/v1/{integration}"), None)
            .await,
        (200, json!({}))
    );
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(
            script
                .call(method, &format!("/v1/{integration}"), None)
                .await
                .0,
            404
        );
    }
    assert_eq!(
        script.get(&format!("/v1/{name}/integrations")).await,
        (200, json!({}))
    );
}

#[tokio::test]
async fn an_integration_registers_a_webhook_that_is_called_after_a_delay() {
    let script = Script::start().await;
    let (first, second) = (Receiver::start(good).await, Receiver::start(good).await);
    let (_, agent) = script.get("/v1/brands/-/agents/demo").await;
    let name = agent["name"].as_str().unwrap();
    let made = script.integrate(name, &first.url).await;
    let wanted = json!({ "agentWebhookIntegration": { "webhookUri": second.url, "verificationToken": "x" } });
    let (status, another) = script
        .post(&format!("/v1/{name}/integrations"), wanted)
        .await;
    assert_eq!(
        (status, &another["error"]["status"]),
        (409, &json!("ALREADY_EXISTS")),
        "{another}"
    );
    assert_eq!(second.handshakes().len(), 0, "nobody is asked in vain");

    script.say("too early").await;
    script.settle().await;
    script.say("one").await;
    assert_eq!(
        first.wait_for(1).await[0].text(),
        "one",
        "before, there was no webhook"
    );
    let path = format!("/v1/{}", made["name"].as_str().unwrap());
    let other = json!({ "agentWebhookIntegration": { "webhookUri": second.url, "verificationToken": "another" } });
    assert_eq!(script.patch(&path, other).await.0, 200);
    script.say("two").await;
    assert_eq!(
        first.wait_for(2).await[1].text(),
        "two",
        "the old one is called still"
    );
    script.settle().await;
    script.say("three").await;
    let call = second.wait_for(1).await.remove(0);
    assert!(
        call.text() == "three" && call.is_signed_by("another"),
        "{call:?}"
    );
    assert_eq!(script.call(Method::DELETE, &path, None).await.0, 200);
    script.settle().await;
    script.say("four").await;
    let last = script.get_control("/emulator/webhooks").await["queue"]["without_webhook"]
        .as_u64()
        .unwrap();
    assert_eq!(
        (last, second.calls().len()),
        (2, 1),
        "nobody is called any more"
    );
}

#[tokio::test]
async fn a_webhook_that_fails_the_handshake_is_not_registered() {
    let script = Script::start().await;
    let name = script.agent().await;
    let good = Receiver::start(good).await;
    for (status, body) in [
        ("200 OK", "hello"),
        ("201 Created", ""),
        ("403 Forbidden", ""),
    ] {
        let bad = Receiver::start(move |_| answer(status, body)).await;
        let wanted = json!({ "agentWebhookIntegration": { "webhookUri": bad.url, "verificationToken": TOKEN } });
        let (code, refused) = script
            .post(&format!("/v1/{name}/integrations"), wanted)
            .await;
        expect_invalid(
            code,
            &refused,
            &format!("the webhook {} is not registered", bad.url),
            status,
        );
        assert_eq!(
            refused["error"]["details"][0]["fieldViolations"][0]["field"],
            "agentWebhookIntegration.webhookUri"
        );
        assert!(!refused.to_string().contains(TOKEN), "{refused}");
    }
    assert_eq!(
        script.get(&format!("/v1/{name}/integrations")).await.1,
        json!({})
    );

    let made = script.integrate(&name, &good.url).await;
    let path = format!("/v1/{}", made["name"].as_str().unwrap());
    let nowhere = json!({ "agentWebhookIntegration": { "webhookUri": "http://127.0.0.1:1/" } });
    assert_eq!(script.patch(&path, nowhere).await.0, 400);
    assert_eq!(
        script.get(&path).await.1["agentWebhookIntegration"]["webhookUri"],
        good.url,
        "the one before stays"
    );
    let shown = script.get_control("/emulator/webhooks").await;
    assert_eq!(
        shown["handshakes"].as_array().unwrap().len(),
        5,
        "the doctor has seen them all"
    );
}

#[tokio::test]
async fn what_an_integration_must_not_say_is_named() {
    let script = Script::start().await;
    let name = script.agent().await;
    let webhook = |webhook: Value| json!({ "agentWebhookIntegration": webhook });
    for (body, said) in [
        (json!({}), "agentWebhookIntegration.webhookUri is required"),
        (
            webhook(json!({ "webhookUri": "https://x.example/" })),
            "agentWebhookIntegration.verificationToken is required",
        ),
        (
            webhook(json!({ "verificationToken": "x" })),
            "agentWebhookIntegration.webhookUri is required",
        ),
        (
            webhook(json!({ "webhookUri": "ftp://x", "verificationToken": "x" })),
            "no address of a webhook",
        ),
        (
            json!({ "dialogflowEsIntegration": {} }),
            "no agent of this emulator has Dialogflow",
        ),
        (
            webhook(json!({ "token": "x" })),
            "Unknown name \"token\" at 'agent_webhook_integration'",
        ),
    ] {
        let (status, refused) = script.post(&format!("/v1/{name}/integrations"), body).await;
        expect_invalid(status, &refused, said, said);
    }
    let none = script
        .post("/v1/brands/-/agents/none/integrations", json!({}))
        .await;
    assert_eq!(
        (none.0, &none.1["error"]["message"]),
        (404, &json!("There is no brands/-/agents/none."))
    );
}

#[tokio::test]
async fn the_partners_webhook_is_called_for_agents_without_their_own() {
    let script = Script::start().await;
    let (own, partners) = (Receiver::start(good).await, Receiver::start(good).await);
    let (_, agent) = script.get("/v1/brands/-/agents/demo").await;
    let partner = format!(
        "/v1/{}",
        agent["rcsBusinessMessagingAgent"]["partner"]
            .as_str()
            .unwrap()
    );
    let token = script.get_control("/emulator/webhooks").await["partner"]["client_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let capabilities =
        |url: &str| json!([{ "rcsBusinessMessagingCapability": { "webhookUrl": url } }]);
    let body = json!({ "displayName": "We", "productCapabilities": capabilities(&partners.url) });
    let (status, patched) = script
        .patch(&format!("{partner}?updateMask=productCapabilities"), body)
        .await;
    assert_eq!(
        (status, &patched["displayName"]),
        (200, &json!("Emulator")),
        "{patched}"
    );
    assert_eq!(script.get(&partner).await.1, patched);
    assert_eq!(partners.handshakes()[0].body["clientToken"], token);

    script.settle().await;
    script.say("one").await;
    let call = partners.wait_for(1).await.remove(0);
    assert!(call.text() == "one" && call.is_signed_by(&token));
    let made = script
        .integrate(agent["name"].as_str().unwrap(), &own.url)
        .await;
    script.settle().await;
    script.say("two").await;
    assert_eq!(
        own.wait_for(1).await[0].text(),
        "two",
        "the agent's own takes precedence"
    );
    script
        .call(
            Method::DELETE,
            &format!("/v1/{}", made["name"].as_str().unwrap()),
            None,
        )
        .await;
    script.settle().await;
    script.say("three").await;
    assert_eq!(
        partners.wait_for(2).await[1].text(),
        "three",
        "and when it is gone the partner's is called again"
    );

    let (status, renamed) = script.patch(&partner, json!({ "displayName": "We" })).await;
    assert_eq!(
        (status, &renamed["displayName"], partners.handshakes().len()),
        (200, &json!("We"), 1),
        "{renamed}"
    );
    let (status, refused) = script
        .patch(
            &partner,
            json!({ "productCapabilities": capabilities("http://127.0.0.1:1/") }),
        )
        .await;
    expect_invalid(status, &refused, "is not registered", "nobody there");
    assert_eq!(
        script
            .patch(&partner, json!({ "productCapabilities": [] }))
            .await
            .0,
        200
    );
    script.settle().await;
    script.say("four").await;
    assert_eq!(partners.calls().len(), 2, "nobody is called any more");
    assert_eq!(script.get("/v1/partners/none").await.0, 404);
}

#[tokio::test]
async fn testers_are_invited_listed_and_deleted() {
    let script = Script::start().await;
    let name = script.agent().await;
    let agent = name.rsplit('/').next().unwrap();
    let invite = async |phone: &str, agent: &str| {
        script
            .post(
                "/v1/testers",
                json!({ "phoneNumber": phone, "agentId": agent }),
            )
            .await
    };
    let expected = json!({ "name": format!("testers/{ONLINE}"), "phoneNumber": ONLINE, "agentId": agent, "inviteStatus": "PENDING" });
    assert_eq!(
        invite(ONLINE, &format!("{agent}@rbm.goog")).await,
        (200, expected.clone())
    );
    script
        .control(
            &format!("/emulator/phones/{ONLINE}"),
            json!({ "agent": agent, "tester": true }),
        )
        .await;
    let path = format!("/v1/testers/{}?agentId={agent}", ONLINE.replace('+', "%2B"));
    let (status, shown) = script.get(&path).await;
    assert_eq!((status, &shown["inviteStatus"]), (200, &json!("ACCEPTED")));
    assert_eq!(invite(OTHER, agent).await.0, 200);
    let (_, listed) = script
        .get(&format!("/v1/testers?agentId={agent}&pageSize=1"))
        .await;
    assert_eq!(
        (&listed["testers"], listed["nextPageToken"].is_string()),
        (&json!([shown]), true)
    );
    assert_eq!(script.send(agent, "m1").await, 200);
    assert_eq!(
        script.call(Method::DELETE, &path, None).await,
        (200, json!({}))
    );
    assert_eq!(script.call(Method::DELETE, &path, None).await.0, 404);
    assert_eq!(
        (script.get(&path).await.0, script.send(agent, "m2").await),
        (404, 403),
        "at once"
    );

    assert_eq!(invite(ONLINE, "none").await.0, 404);
    let (status, wrong) = invite("12", agent).await;
    expect_invalid(status, &wrong, "phoneNumber", "no number");
    let (status, wrong) = script.get("/v1/testers").await;
    expect_invalid(status, &wrong, "agentId is required", "no agent");
    let answers: Vec<u16> = {
        let mut answers = Vec::new();
        for number in 0..21 {
            answers.push(invite(&format!("+15550200{number:03}"), agent).await.0);
        }
        answers
    };
    assert_eq!(
        (
            answers.iter().filter(|status| **status == 200).count(),
            answers[20]
        ),
        (19, 429),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_long_list_comes_by_the_page() {
    let script = Script::start().await;
    let brand = script.brand().await;
    for number in 0..120 {
        let made = script
            .post(
                &format!("/v1/{brand}/agents"),
                json!({ "displayName": format!("a{number:03}") }),
            )
            .await;
        assert_eq!(made.0, 200);
    }
    let names = |page: &Value| -> Vec<String> {
        page["agents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|agent| agent["displayName"].as_str().unwrap().to_owned())
            .collect()
    };
    let (mut token, mut seen, mut lengths) = (String::new(), Vec::new(), Vec::new());
    loop {
        let (_, page) = script
            .get(&format!("/v1/{brand}/agents?pageSize=50&pageToken={token}"))
            .await;
        lengths.push(names(&page).len());
        seen.extend(names(&page));
        let Some(next) = page["nextPageToken"].as_str() else {
            break;
        };
        token = next.to_owned();
    }
    let expected: Vec<String> = (0..120).map(|number| format!("a{number:03}")).collect();
    assert_eq!((lengths, seen), (vec![50, 50, 20], expected));
    for (size, length) in [("", 100), ("0", 100), ("5000", 120)] {
        let (_, page) = script
            .get(&format!("/v1/{brand}/agents?pageSize={size}"))
            .await;
        assert_eq!(names(&page).len(), length, "{size}");
    }
    for (query, said) in [
        ("pageSize=-1", "pageSize"),
        ("pageSize=x", "pageSize"),
        ("pageToken=zz", "pageToken"),
        ("includeArchived=yes", "includeArchived"),
    ] {
        let (status, answer) = script.get(&format!("/v1/{brand}/agents?{query}")).await;
        expect_invalid(status, &answer, said, query);
    }
}

#[tokio::test]
async fn the_api_has_a_host_and_the_beginning_of_a_path() {
    let script = Script::start().await;
    let messaging = token(&script.emulator, SCOPE).await;
    let management = token(&script.emulator, MANAGEMENT).await;
    let get = async |path: &str, host: Option<&str>, token: Option<&str>| {
        let request = script
            .client
            .get(format!("{}{path}", script.emulator.origin()));
        let request = host
            .into_iter()
            .fold(request, |request, host| request.header("host", host));
        let request = token
            .into_iter()
            .fold(request, reqwest::RequestBuilder::bearer_auth);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json_value().await)
    };
    for (path, host) in [
        ("/businesscommunications/v1/brands", None),
        ("/v1/brands", Some(HOST)),
        ("/v1/brands", None),
    ] {
        let (status, answer) = get(path, host, Some(&management)).await;
        assert_eq!(
            (status, answer["brands"].is_array()),
            (200, true),
            "{path} {host:?}: {answer}"
        );
        let (status, answer) = get(path, host, Some(&messaging)).await;
        let service = &answer["error"]["details"][0]["metadata"]["service"];
        assert_eq!(
            (status, service),
            (403, &json!(HOST)),
            "{path} {host:?}: {answer}"
        );
        let (status, answer) = get(path, host, None).await;
        let method = &answer["error"]["details"][0]["metadata"]["method"];
        assert_eq!(
            (status, method),
            (401, &json!("businesscommunications.brands.list")),
            "{answer}"
        );
    }
    let (status, answer) = get(
        "/v1/phones/+15550100001/capabilities?agentId=demo&requestId=r1",
        None,
        Some(&script.token),
    )
    .await;
    assert_eq!(
        status, 403,
        "nor is its token one of the messaging API's: {answer}"
    );
    let origin = script.emulator.origin();
    for (path, host, root) in [
        (
            "/businesscommunications/$discovery/rest?version=v1",
            None,
            format!("{origin}/businesscommunications/"),
        ),
        (
            "/$discovery/rest?version=v1",
            Some(HOST),
            format!("http://{HOST}/"),
        ),
    ] {
        let (status, document) = get(path, host, None).await;
        assert_eq!(
            (status, &document["name"], &document["rootUrl"]),
            (200, &json!("businesscommunications"), &json!(root))
        );
    }
    let (_, document) = get("/$discovery/rest?version=v1", None, None).await;
    assert_eq!(document["name"], "rcsbusinessmessaging");
    let (_, brands) = get(
        "/businesscommunications/v1/brands?fields=brands/displayName",
        None,
        Some(&script.token),
    )
    .await;
    assert_eq!(
        brands,
        json!({ "brands": [{ "displayName": "Emulator" }] }),
        "and system parameters are the same"
    );
}

/// A script with an emulator whose clock stands still unless it is moved.
struct Script {
    emulator: Emulator,
    clock: Clock,
    client: Client,
    token: String,
}

impl Script {
    async fn start() -> Self {
        let clock = Clock::starting_at(NOW.parse::<Timestamp>().unwrap());
        clock.pause().unwrap();
        let elsewhere = Phone {
            carrier: "/v1/regions/other".to_owned(),
            ..Phone::quiet(PhoneNumber::parse("+15550100099").unwrap())
        };
        let quiet = |phone: Phone| Phone {
            habits: Vec::new(),
            ..phone
        };
        let emulator = emulator_with(Options {
            agents: vec![Agent::launched(AgentId::parse("demo").unwrap())],
            phones: demo().into_iter().map(quiet).chain([elsewhere]).collect(),
            clock: clock.clone(),
            rules: Rules {
                propagation: SignedDuration::from_secs(5),
                habits: Vec::new(),
                ..Rules::default()
            },
            webhooks: WebhookSettings {
                secret: SecretRule::BareOnly,
                ..WebhookSettings::default()
            },
            ..Options::default()
        });
        let emulator = emulator.await;
        let token = emulator.management_token();
        Self {
            emulator,
            clock,
            client: Client::new(),
            token,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/businesscommunications{path}", self.emulator.origin());
        let request = self.client.request(method, url).bearer_auth(&self.token);
        let response = request
            .body(body.map(|body| body.to_string()).unwrap_or_default())
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json_value().await)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn brand(&self) -> String {
        let (_, brand) = self
            .post("/v1/brands", json!({ "displayName": "Bank" }))
            .await;
        brand["name"].as_str().unwrap().to_owned()
    }

    /// A new agent in a new brand.
    async fn agent(&self) -> String {
        let brand = self.brand().await;
        let profile = json!({ "emails": [{ "address": "x@x.example", "label": "Help" }] });
        let body = json!({ "displayName": "Growing Tree", "rcsBusinessMessagingAgent": profile });
        let (status, agent) = self.post(&format!("/v1/{brand}/agents"), body).await;
        assert_eq!(status, 200, "{agent}");
        agent["name"].as_str().unwrap().to_owned()
    }

    /// Asks for a launch.
    async fn launch(&self, name: &str, carrier: &str) {
        let contact = json!({ "partnerName": "p", "partnerEmailAddress": "p", "brandContactName": "b",
            "brandContactEmailAddress": "b", "brandWebsiteUrl": "w" });
        let request = json!({ "agentVerificationContact": contact });
        assert_eq!(
            self.post(&format!("/v1/{name}:requestVerification"), request)
                .await
                .0,
            200
        );
        let request = json!({ "agentLaunch": { "rcsBusinessMessaging": { "launchDetails": { carrier: {} } } } });
        let (status, answer) = self
            .post(&format!("/v1/{name}:requestLaunch"), request)
            .await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn integrate(&self, name: &str, url: &str) -> Value {
        let body =
            json!({ "agentWebhookIntegration": { "webhookUri": url, "verificationToken": TOKEN } });
        let (status, made) = self.post(&format!("/v1/{name}/integrations"), body).await;
        assert_eq!(status, 200, "{made}");
        made
    }

    async fn send(&self, agent: &str, id: &str) -> u16 {
        self.send_to(ONLINE, agent, id).await
    }

    async fn send_to(&self, phone: &str, agent: &str, id: &str) -> u16 {
        let path = format!("/v1/phones/{phone}/agentMessages?messageId={id}&agentId={agent}");
        let request = self
            .client
            .post(format!("{}{path}", self.emulator.origin()));
        let request = request.bearer_auth(self.emulator.access_token());
        request
            .body(r#"{"contentMessage": {"text": "Hi"}}"#)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    /// The person writes to the agent that there was from the start, and the webhooks have heard of it.
    async fn say(&self, text: &str) {
        self.control(
            &format!("/emulator/phones/{ONLINE}"),
            json!({ "agent": "demo", "text": text }),
        )
        .await;
        let settled = async || {
            let queue = &self.get_control("/emulator/webhooks").await["queue"];
            queue["waiting"] == 0 && queue["calling"].is_null()
        };
        while !settled().await {
            tokio::task::yield_now().await;
        }
    }

    /// What was ordered has its effect.
    async fn settle(&self) {
        self.control("/emulator/clock", json!({ "advance": "5s" }))
            .await;
    }

    async fn control(&self, path: &str, body: Value) {
        let request = self
            .client
            .post(format!("{}{path}", self.emulator.origin()))
            .body(body.to_string());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path} {body}");
    }

    async fn get_control(&self, path: &str) -> Value {
        self.client
            .get(format!("{}{path}", self.emulator.origin()))
            .send()
            .await
            .unwrap()
            .json_value()
            .await
    }
}

const NOW: &str = "2026-11-24T10:15:02Z";
const HOST: &str = "businesscommunications.googleapis.com";
const MANAGEMENT: &str = "https://www.googleapis.com/auth/businesscommunications";
const CARRIER: &str = "/v1/regions/emulated-carrier";
const ONLINE: &str = "+15550100001";
/// Another one, whose person has not been asked.
const OTHER: &str = "+15550100002";
