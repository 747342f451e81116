//! Asks which of many people RBM can reach. One call is one batch: splitting and the rate are the host's.

use crate::answer::{not_sent, object};
use crate::check::count;
use crate::finding::broken;
use crate::http::{Body, Host, Method};
use crate::platform::Platform;
use crate::settings::Sender;
use gateway_channel::{CarrierReach, ChannelFailure, Context, Finding, ReachAnswer};
use rbm_wire::name::PhoneNumber;
use rbm_wire::reach::{BatchGetUsers, Reach};
use rbm_wire::{json, limits};

/// One question. People of another region than the agent's make the platform refuse all of it.
pub fn reach(
    host: &dyn Host,
    context: &Context,
    recipients: &[String],
) -> Result<ReachAnswer, ChannelFailure> {
    let sender = Sender::parse(context)?;
    let findings = check(&sender, recipients);
    if !findings.is_empty() {
        return Err(not_sent(findings));
    }
    let question = BatchGetUsers {
        users: recipients.to_vec(),
        agent_id: Some(sender.agent.bare().to_owned()),
    };
    let question = json::write(&question);
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let response = platform.ask(Method::Post, "v1/users:batchGet", Body::json(question))?;
    // An answer that cannot be read must not look like one that says that nobody can be reached.
    let found = Reach::read(object(&response, Reach::has_field, Reach::FIELDS)?);
    let carriers = found.reachable_users_map.into_iter();
    Ok(ReachAnswer {
        reachable: found.reachable_users,
        sampled: found.total_random_sample_user_count,
        sampled_reachable: found.reachable_random_sample_user_count,
        by_carrier: carriers
            .map(|(carrier, reach)| CarrierReach {
                carrier,
                reachable: reach.reachable_users,
            })
            .collect(),
    })
}

fn check(sender: &Sender, recipients: &[String]) -> Vec<Finding> {
    let region = || {
        let message = "reach is asked for at a regional address, and `region` is not set";
        broken(&limits::REACH_REGION, "region", message.to_owned())
    };
    let mut findings: Vec<Finding> = (!sender.is_regional()).then(region).into_iter().collect();
    findings.extend(count(
        &limits::REACH_RECIPIENTS,
        "recipients",
        recipients.len(),
    ));
    let phones = recipients.iter().enumerate().filter_map(|(index, phone)| {
        let problem = PhoneNumber::parse(phone).err()?;
        Some(broken(
            &limits::PHONE_E164,
            &format!("recipients[{index}]"),
            problem.to_string(),
        ))
    });
    findings.extend(phones.take(FINDINGS_MAX));
    findings
}

/// Of phone numbers that are none: a list in another format is wrong ten thousand times.
const FINDINGS_MAX: usize = 20;
