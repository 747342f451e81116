//! What is managed by itself, without a clock and without HTTP.

use super::agents::{CreateAgent, PatchAgent};
use super::brands::{CreateBrand, DeleteBrand, DeleteWith, RenameBrand};
use super::integrations::{CreateIntegration, DeleteIntegration};
use super::launches::{Change, RequestLaunch, UpdateLaunch};
use super::verification::{RequestVerification, SetVerification, VerificationState};
use super::*;
use crate::json::Json;
use crate::phone::{CARRIER, Phone};
use crate::platform::testers::Invitation;
use crate::platform::{
    Command, Invite, Launch, LaunchState, NotSent, Pass, Platform, Rules, Submit,
};
use crate::push::SecretAnswer;
use crate::schema::BUSINESS;
use crate::update_mask::UpdateMask;
use jiff::SignedDuration;
use rbm_wire::callback::Notice;
use rbm_wire::message::{AgentMessage, ContentMessage};
use rbm_wire::name::{MessageId, PhoneNumber};
use serde_json::{Value, json};

/// A platform with a brand and an agent in it, and what it has told.
struct Desk {
    platform: Platform,
    name: AgentName,
    told: Vec<Notice>,
}

impl Desk {
    fn new() -> Self {
        let platform = Platform::new(
            Vec::new(),
            vec![phone()],
            Rules::default(),
            Uuid::nil(),
            at(0),
        );
        let name = AgentName {
            brand: None,
            agent: AgentId::parse("none").expect("an id"),
        };
        let mut desk = Self {
            platform,
            name,
            told: Vec::new(),
        };
        let brand = desk
            .apply(
                0,
                CreateBrand {
                    display_name: "Bank".to_owned(),
                },
            )
            .expect("a brand");
        let document = json!({ "displayName": "Growing Tree",
            "rcsBusinessMessagingAgent": { "agentUseCase": "OTP", "emails": [{ "label": "Help" }] } });
        let agent = desk
            .apply(0, CreateAgent { brand, document })
            .expect("an agent");
        desk.name = AgentName {
            brand: Some(brand),
            agent,
        };
        desk
    }

    /// One whose agent has been launched, with effect.
    fn launched() -> Self {
        let mut desk = Self::new();
        desk.verify(0).expect("verified");
        desk.request(1, &[CARRIER]).expect("asked for");
        desk.update(2, CARRIER, LaunchState::Launched)
            .expect("launched");
        desk.apply(10, Pass);
        desk.told.clear();
        desk
    }

    fn apply<C: Command>(&mut self, seconds: i64, command: C) -> C::Answer {
        let (answer, effects) = self.platform.apply(at(seconds), command);
        self.told
            .extend(effects.into_iter().map(|effect| effect.notice));
        answer
    }

    fn verify(&mut self, seconds: i64) -> Result<(), Refused> {
        let contact = json!({ "partnerName": "p", "partnerEmailAddress": "p", "brandContactName": "b",
            "brandContactEmailAddress": "b", "brandWebsiteUrl": "w" });
        self.apply(
            seconds,
            RequestVerification {
                name: self.name.clone(),
                contact,
            },
        )
    }

    fn request(&mut self, seconds: i64, carriers: &[&str]) -> Result<(), Refused> {
        let carriers = carriers.iter().map(|&carrier| carrier.to_owned()).collect();
        self.apply(
            seconds,
            RequestLaunch {
                name: self.name.clone(),
                carriers,
                questionnaire: None,
            },
        )
    }

    fn update(&mut self, seconds: i64, carrier: &str, state: LaunchState) -> Result<(), Refused> {
        let changes = BTreeMap::from([(
            carrier.to_owned(),
            Change {
                state,
                comment: Some("so be it".to_owned()),
            },
        )]);
        let acting_party = Some("carrier".to_owned());
        self.apply(
            seconds,
            UpdateLaunch {
                name: self.name.clone(),
                changes,
                questionnaire: None,
                acting_party,
            },
        )
    }

    fn patch(&mut self, seconds: i64, body: &Value) -> Result<(), Refused> {
        let json = Json::read(body.to_string().as_bytes()).expect("JSON");
        let body = BUSINESS.read("Agent", json).expect("an agent");
        let mask = UpdateMask::parse(None, &BUSINESS, "Agent", &body).expect("fields");
        self.apply(
            seconds,
            PatchAgent {
                name: self.name.clone(),
                body,
                mask,
            },
        )
    }

    fn state(&self, carrier: &str) -> Option<LaunchState> {
        let managed = self
            .platform
            .business()
            .agent(&self.name)
            .expect("an agent");
        managed.launches.get(carrier).map(|launch| launch.state)
    }

    fn send(&mut self, seconds: i64, id: &str) -> Result<(), NotSent> {
        let content_message = ContentMessage {
            text: Some("Hi".to_owned()),
            ..ContentMessage::default()
        };
        let message = AgentMessage {
            content_message,
            ..AgentMessage::default()
        };
        let (agent, id) = (
            self.name.agent.clone(),
            MessageId::parse(id).expect("an id"),
        );
        let submit = Submit {
            agent,
            phone: phone().number,
            id,
            message,
            expires_at: None,
        };
        self.apply(seconds, submit).map(|_| ())
    }

    /// Of each launch that was told since the last look: agent, brand, old and new state.
    fn launches_told(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.told);
        let said = |notice: &Notice| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let (agent, brand) = (
                text(&notice.bot_display_name),
                text(&notice.brand_display_name),
            );
            let (old, new) = (
                text(&notice.old_launch_state),
                text(&notice.new_launch_state),
            );
            format!("{agent} of {brand}: {old} {new}")
        };
        told.iter()
            .filter(|notice| notice.new_launch_state.is_some())
            .map(said)
            .collect()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn phone() -> Phone {
    Phone::quiet(PhoneNumber::parse("+15550100001").expect("a number"))
}

fn webhook(url: &str) -> Webhook {
    Webhook {
        url: url.to_owned(),
        client_token: ClientToken("token".to_owned()),
        answer: SecretAnswer::Bare,
    }
}

fn fields_of(refused: Result<(), Refused>) -> Vec<String> {
    match refused {
        Err(Refused::Invalid(wrong)) => {
            wrong.into_iter().map(|violation| violation.field).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_ordered_has_its_effect_after_the_delay() {
    let mut desk = Desk::new();
    desk.apply(
        0,
        Invite {
            agent: desk.name.agent.clone(),
            phone: phone().number,
        },
    )
    .expect("invited");
    desk.platform
        .agents
        .get_mut(&desk.name.agent)
        .expect("an agent")
        .testers
        .answer(&phone().number, Invitation::Accepted);
    desk.patch(
        10,
        &json!({ "rcsBusinessMessagingAgent": { "agentUseCase": "MULTI_USE" } }),
    )
    .expect("patched");
    desk.send(14, "m1")
        .expect("as an agent for one-time passwords still");
    assert_eq!(
        desk.send(15, "m2"),
        Err(NotSent::NoTrafficType),
        "5 s later"
    );

    let rename = RenameBrand {
        brand: desk.name.brand.expect("a brand"),
        display_name: "Tree Bank".to_owned(),
    };
    desk.apply(20, rename).expect("renamed");
    desk.patch(20, &json!({ "displayName": "Tall Tree" }))
        .expect("patched");
    desk.verify(21).expect("asked for");
    desk.request(22, &[CARRIER]).expect("asked for");
    desk.update(26, CARRIER, LaunchState::Rejected)
        .expect("rejected");
    let told = desk.launches_told();
    assert_eq!(
        told,
        [
            "Growing Tree of Bank: UNLAUNCHED PENDING",
            "Tall Tree of Tree Bank: PENDING REJECTED"
        ]
    );

    let create = CreateIntegration {
        name: desk.name.clone(),
        webhook: webhook("https://x.example/"),
    };
    let id = desk.apply(30, create).expect("made");
    desk.apply(34, Pass);
    assert_eq!(desk.platform.take_rewirings(), []);
    desk.apply(35, Pass);
    let agent = Some(desk.name.agent.clone());
    let to = Some(webhook("https://x.example/"));
    assert_eq!(
        desk.platform.take_rewirings(),
        [Rewiring {
            agent: agent.clone(),
            to
        }]
    );
    desk.apply(
        40,
        DeleteIntegration {
            name: desk.name.clone(),
            id: id.to_string(),
        },
    )
    .expect("deleted");
    desk.apply(45, Pass);
    assert_eq!(
        desk.platform.take_rewirings(),
        [Rewiring { agent, to: None }]
    );
}

#[test]
fn a_launch_is_an_effect_of_its_own() {
    let mut desk = Desk::new();
    desk.verify(0).expect("asked for");
    desk.request(1, &[CARRIER]).expect("asked for");
    desk.update(2, CARRIER, LaunchState::Launched)
        .expect("launched");
    assert_eq!(
        desk.state(CARRIER),
        Some(LaunchState::Launched),
        "it is read back"
    );
    assert_eq!(
        desk.send(6, "m1"),
        Err(NotSent::NotATester),
        "and has no effect yet"
    );
    desk.send(7, "m2").expect("sent");
    desk.update(10, CARRIER, LaunchState::Suspended)
        .expect("suspended");
    desk.send(14, "m3").expect("sent still");
    assert_eq!(desk.send(15, "m4"), Err(NotSent::NotATester));
}

#[test]
fn a_new_agent_reaches_its_testers() {
    let mut desk = Desk::new();
    assert_eq!(desk.send(0, "m1"), Err(NotSent::NotATester));
    let invite = Invite {
        agent: desk.name.agent.clone(),
        phone: phone().number,
    };
    assert_eq!(desk.apply(0, invite), Ok(Invitation::Pending));
    desk.platform
        .agents
        .get_mut(&desk.name.agent)
        .expect("an agent")
        .testers
        .answer(&phone().number, Invitation::Accepted);
    desk.send(0, "m2").expect("sent");
}

#[test]
fn a_step_of_a_scenario_voids_what_was_ordered_before() {
    let mut desk = Desk::new();
    desk.verify(0).expect("asked for");
    desk.request(1, &[CARRIER]).expect("asked for");
    desk.update(2, CARRIER, LaunchState::Launched)
        .expect("launched");
    let (agent, carrier, state) = (
        desk.name.agent.clone(),
        CARRIER.to_owned(),
        LaunchState::Suspended,
    );
    desk.apply(
        3,
        SetLaunch {
            agent,
            carrier,
            state,
            acting_party: None,
            comment: None,
        },
    );
    assert_eq!(desk.state(CARRIER), Some(LaunchState::Suspended));
    assert_eq!(desk.send(60, "m1"), Err(NotSent::NotATester));
}

#[test]
fn an_agent_is_fixed_once_it_is_to_be_verified() {
    let mut desk = Desk::new();
    desk.patch(0, &json!({ "displayName": "Tall Tree" }))
        .expect("not fixed yet");
    desk.verify(1).expect("asked for");
    for body in [
        json!({ "displayName": "Oak" }),
        json!({ "rcsBusinessMessagingAgent": { "color": "#123456" } }),
    ] {
        let refused = desk.patch(2, &body);
        assert!(
            matches!(&refused, Err(Refused::NotNow(rule)) if rule.contains("PENDING")),
            "{refused:?}"
        );
    }
    assert!(
        matches!(desk.verify(2), Err(Refused::NotNow(_))),
        "it is asked for once"
    );
    desk.patch(
        3,
        &json!({ "displayName": "Tall Tree", "isArchived": true }),
    )
    .expect("what stays is no change");
    desk.apply(
        4,
        SetVerification {
            name: desk.name.clone(),
            state: VerificationState::Unverified,
        },
    )
    .expect("sent back");
    desk.patch(5, &json!({ "displayName": "Oak" }))
        .expect("changed");
}

#[test]
fn an_agent_is_archived_when_it_is_launched_nowhere() {
    let mut desk = Desk::launched();
    let archive = json!({ "isArchived": true });
    assert!(
        matches!(desk.patch(20, &archive), Err(Refused::NotNow(rule)) if rule.contains(CARRIER))
    );
    desk.update(21, CARRIER, LaunchState::Suspended)
        .expect("suspended");
    desk.patch(22, &archive).expect("archived");
    assert!(
        desk.platform
            .business()
            .agent(&desk.name)
            .expect("an agent")
            .is_archived()
    );
    let refused = desk.request(23, &["/v1/regions/fi-rcs"]);
    assert!(
        matches!(&refused, Err(Refused::NotNow(rule)) if rule.contains("archived")),
        "{refused:?}"
    );
}

#[test]
fn a_brand_goes_with_archived_agents_only() {
    let mut desk = Desk::new();
    let brand = desk.name.brand.expect("a brand");
    for with in [DeleteWith::Nothing, DeleteWith::ArchivedAgents] {
        let refused = desk.apply(1, DeleteBrand { brand, with });
        assert!(matches!(refused, Err(Refused::NotNow(_))), "{with:?}");
    }
    desk.patch(2, &json!({ "isArchived": true }))
        .expect("archived");
    assert!(matches!(
        desk.apply(
            3,
            DeleteBrand {
                brand,
                with: DeleteWith::Nothing
            }
        ),
        Err(Refused::NotNow(_))
    ));
    desk.apply(
        3,
        DeleteBrand {
            brand,
            with: DeleteWith::ArchivedAgents,
        },
    )
    .expect("deleted");
    assert!(matches!(
        desk.platform.business().agent(&desk.name),
        Err(Refused::Unknown(_))
    ));
    assert_eq!(
        desk.send(4, "m1"),
        Err(NotSent::NotATester),
        "messages know it still"
    );
}

#[test]
fn agents_from_the_start_have_a_brand() {
    let demo = Agent::launched(AgentId::parse("demo").expect("an id"));
    let new = Agent {
        id: AgentId::parse("new").expect("an id"),
        launch: Launch::On(BTreeMap::new()),
        ..demo.clone()
    };
    let mut platform = Platform::new(
        vec![demo, new],
        vec![phone()],
        Rules::default(),
        Uuid::nil(),
        at(0),
    );
    let business = platform.business();
    assert_eq!(
        business
            .brands
            .values()
            .map(|brand| brand.display_name.as_str())
            .collect::<Vec<_>>(),
        ["Emulator"]
    );
    let states: Vec<_> = business
        .agents
        .values()
        .map(|agent| (agent.verification.state, agent.launches.len()))
        .collect();
    assert_eq!(
        states,
        [
            (VerificationState::Verified, 1),
            (VerificationState::Unverified, 0)
        ]
    );

    // One that was launched everywhere stays where it is seen to be launched when it is put elsewhere too.
    let name = AgentName {
        brand: None,
        agent: AgentId::parse("demo").expect("an id"),
    };
    let body = json!({ "rcsBusinessMessagingAgent": { "emails": [{ "label": "x" }] } });
    let mask = UpdateMask::parse(None, &BUSINESS, "Agent", &body).expect("fields");
    let fixed = platform
        .apply(
            at(0),
            PatchAgent {
                name: name.clone(),
                body,
                mask,
            },
        )
        .0;
    assert!(matches!(fixed, Err(Refused::NotNow(_))), "{fixed:?}");
    let changes = BTreeMap::from([(
        "/v1/regions/fi-rcs".to_owned(),
        Change {
            state: LaunchState::Pending,
            comment: None,
        },
    )]);
    let update = UpdateLaunch {
        name: name.clone(),
        changes,
        questionnaire: None,
        acting_party: None,
    };
    platform.apply(at(0), update).0.expect("asked for");
    platform.apply(at(9), Pass);
    let Launch::On(carriers) = &platform.agents[&name.agent].agent.launch else {
        panic!("everywhere still")
    };
    let expected = [
        (CARRIER, LaunchState::Launched),
        ("/v1/regions/fi-rcs", LaunchState::Pending),
    ];
    assert_eq!(
        *carriers,
        expected
            .map(|(carrier, state)| (carrier.to_owned(), state))
            .into()
    );
}

#[test]
fn a_launch_that_is_asked_for_wrongly_is_refused() {
    let mut desk = Desk::new();
    let said = |refused: Result<(), Refused>| match refused {
        Err(Refused::NotNow(rule)) => rule,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        said(desk.request(0, &[])),
        "RCS Business Messaging launch requires at least one region."
    );
    assert!(said(desk.request(0, &[CARRIER])).starts_with("The agent is UNVERIFIED"));
    desk.patch(
        0,
        &json!({ "rcsBusinessMessagingAgent": { "emails": [{ "address": "no label" }] } }),
    )
    .expect("patched");
    desk.verify(1).expect("asked for");
    assert!(said(desk.request(2, &[CARRIER])).contains("with a label"));
    for wrong in [
        "fi-rcs",
        "/v1/regions/",
        "/v1/regions/a b",
        "/v1/regions/a/b",
    ] {
        assert_eq!(
            fields_of(desk.request(2, &[wrong])),
            ["launchDetails"],
            "{wrong}"
        );
    }
    assert_eq!(desk.launches_told(), Vec::<String>::new());

    let mut desk = Desk::launched();
    let other = "/v1/regions/fi-rcs";
    assert_eq!(
        fields_of(desk.request(20, &[other])),
        ["agentLaunch.rcsBusinessMessaging.launchDetails"]
    );
    desk.request(20, &[other, CARRIER]).expect("asked for");
    assert_eq!(
        desk.launches_told(),
        ["Growing Tree of Bank: UNLAUNCHED PENDING"],
        "only what is new changes"
    );
    desk.update(21, CARRIER, LaunchState::Suspended)
        .expect("suspended");
    assert!(said(desk.request(22, &[CARRIER])).contains("SUSPENDED, and cannot become PENDING"));
}

#[test]
fn a_launch_goes_only_where_it_may() {
    use LaunchState::{Launched, Pending, Rejected, Suspended, Unlaunched};
    let all = [Unlaunched, Pending, Launched, Rejected, Suspended];
    for (old, allowed) in [
        (Unlaunched, vec![Pending]),
        (Pending, vec![Launched, Rejected]),
        (Launched, vec![Suspended]),
        (Rejected, vec![Pending]),
        (Suspended, vec![Unlaunched, Launched]),
    ] {
        for new in all.into_iter().filter(|new| *new != old) {
            let mut desk = Desk::launched();
            let (agent, carrier) = (desk.name.agent.clone(), CARRIER.to_owned());
            desk.apply(
                20,
                SetLaunch {
                    agent,
                    carrier,
                    state: old,
                    acting_party: None,
                    comment: None,
                },
            );
            let answer = desk.update(21, CARRIER, new);
            assert_eq!(
                answer.is_ok(),
                allowed.contains(&new),
                "{old:?} {new:?}: {answer:?}"
            );
            assert_eq!(
                desk.state(CARRIER),
                Some(if answer.is_ok() { new } else { old })
            );
        }
    }
}

#[test]
fn each_limit_names_its_field() {
    let long = |length: usize| "é".repeat(length);
    let mut desk = Desk::new();
    let brand = desk.name.brand.expect("a brand");
    for name in [String::new(), " ".to_owned(), long(101)] {
        let refused = desk
            .apply(
                0,
                CreateBrand {
                    display_name: name.clone(),
                },
            )
            .map(|_| ());
        assert_eq!(fields_of(refused), ["displayName"], "{name}");
        assert_eq!(
            fields_of(desk.apply(
                0,
                RenameBrand {
                    brand,
                    display_name: name
                }
            )),
            ["displayName"]
        );
    }
    desk.apply(
        0,
        RenameBrand {
            brand,
            display_name: long(100),
        },
    )
    .expect("100 characters");
    let profile =
        |fields: Value| json!({ "displayName": long(40), "rcsBusinessMessagingAgent": fields });
    for (document, field) in [
        (json!({}), "displayName"),
        (json!({ "displayName": long(41) }), "displayName"),
        (
            profile(json!({ "description": long(101) })),
            "rcsBusinessMessagingAgent.description",
        ),
        (
            profile(json!({ "websites": [{}, {}, {}, {}] })),
            "rcsBusinessMessagingAgent.websites",
        ),
        (
            profile(json!({ "color": "red" })),
            "rcsBusinessMessagingAgent.color",
        ),
        (
            profile(json!({ "color": "#12345g" })),
            "rcsBusinessMessagingAgent.color",
        ),
    ] {
        let refused = desk
            .apply(
                0,
                CreateAgent {
                    brand,
                    document: document.clone(),
                },
            )
            .map(|_| ());
        assert_eq!(fields_of(refused), [field], "{document}");
    }
    let document =
        profile(json!({ "description": long(100), "websites": [{}, {}, {}], "color": "#0aF3b9" }));
    desk.apply(0, CreateAgent { brand, document })
        .expect("at the limits");

    let hosted = |region: &str| json!({ "rcsBusinessMessagingAgent": { "hostingRegion": region } });
    desk.patch(1, &hosted("EUROPE")).expect("chosen");
    assert_eq!(
        fields_of(desk.patch(1, &hosted("ASIA_PACIFIC"))),
        ["rcsBusinessMessagingAgent.hostingRegion"]
    );
    desk.platform.rules.agent_name_length_max = 100;
    desk.patch(1, &json!({ "displayName": long(100) }))
        .expect("as clients of 2025");
}

#[test]
fn what_is_managed_can_be_written_down_and_read_again() {
    let mut desk = Desk::launched();
    desk.apply(
        20,
        CreateIntegration {
            name: desk.name.clone(),
            webhook: webhook("https://x.example/"),
        },
    )
    .expect("made");
    let written = serde_json::to_value(desk.platform.business()).expect("plain data");
    let read: Business = serde_json::from_value(written.clone()).expect("the same");
    assert_eq!(serde_json::to_value(&read).expect("plain data"), written);
    assert!(
        !format!("{:?}", desk.platform.business()).contains("\"token\""),
        "a client token is in no log"
    );
}
