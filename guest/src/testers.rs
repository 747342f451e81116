//! Invites people to receive messages of an agent that is not launched yet.

use crate::answer::{About, no_phone, object};
use crate::http::{Host, Method};
use crate::platform::Platform;
use crate::settings::Sender;
use gateway_channel::{ChannelFailure, Context};
use rbm_wire::name::PhoneNumber;
use rbm_wire::tester::Tester;

/// How a person has answered an invitation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Invitation {
    /// Not yet.
    Pending,
    /// The person may receive.
    Accepted,
    /// The person does not want to.
    Declined,
    /// The platform did not say.
    Unstated,
}

/// One invitation; the person must be reachable, and gets a message to accept. An agent has 20 a day and 200 altogether.
pub fn invite(
    host: &dyn Host,
    context: &Context,
    phone: &str,
) -> Result<Invitation, ChannelFailure> {
    let sender = Sender::parse(context)?;
    let phone = PhoneNumber::parse(phone).map_err(|problem| no_phone(&problem))?;
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let response = platform.call(
        About::Person,
        Method::Post,
        &format!("phones/{phone}/testers"),
        None,
        Some(b"{}".to_vec()),
    )?;
    let tester = Tester::read(object(&response, Tester::has_field, Tester::FIELDS)?);
    Ok(match tester.invite_status.as_deref() {
        Some("PENDING") => Invitation::Pending,
        Some("ACCEPTED") => Invitation::Accepted,
        Some("DECLINED") => Invitation::Declined,
        _ => Invitation::Unstated,
    })
}
