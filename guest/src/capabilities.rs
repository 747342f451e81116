//! Asks what a person's device can show.

use crate::answer::{About, no_id, no_phone, object};
use crate::http::{Host, Method};
use crate::platform::Platform;
use crate::settings::Sender;
use gateway_channel::{CapabilityAnswer, ChannelFailure, Context, FailureCode};
use rbm_wire::message::Capabilities;
use rbm_wire::name::{MessageId, PhoneNumber};

/// One question. Somebody whom RBM cannot reach is an answer, not a failure.
pub fn capabilities(
    host: &dyn Host,
    context: &Context,
    recipient: &str,
    request_id: &str,
) -> Result<CapabilityAnswer, ChannelFailure> {
    let sender = Sender::parse(context)?;
    let phone = PhoneNumber::parse(recipient).map_err(|problem| no_phone(&problem))?;
    let request = MessageId::parse(request_id).map_err(|problem| no_id(&problem))?;
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let path = format!("phones/{phone}/capabilities");
    let answer = |reachable, features, carrier| CapabilityAnswer {
        request_id: Some(request_id.to_owned()),
        reachable,
        features,
        carrier,
    };
    match platform.call(
        About::Person,
        Method::Get,
        &path,
        Some(("requestId", &request)),
        None,
    ) {
        Ok(response) => {
            let found = object(&response, Capabilities::has_field, Capabilities::FIELDS)?;
            let found = Capabilities::read(found);
            Ok(answer(true, found.features, found.carrier))
        }
        Err(failure) if failure.code == FailureCode::Unreachable => {
            Ok(answer(false, Vec::new(), None))
        }
        Err(failure) => Err(failure),
    }
}
