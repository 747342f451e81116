//! Takes a message back. Whether it worked is the platform's word; a DELIVERED that comes later wins.

use crate::answer::{self, About, no_id, no_phone};
use crate::http::{Host, Method};
use crate::platform::Platform;
use crate::settings::Sender;
use gateway_channel::{ChannelFailure, Context, FailureCode, Revocation};
use rbm_wire::name::{MessageId, PhoneNumber};

/// Asks the platform not to deliver what it has not delivered yet.
pub fn revoke(
    host: &dyn Host,
    context: &Context,
    recipient: &str,
    id: &str,
) -> Result<Revocation, ChannelFailure> {
    let sender = Sender::parse(context)?;
    let phone = PhoneNumber::parse(recipient).map_err(|problem| no_phone(&problem))?;
    let id = MessageId::parse(id).map_err(|problem| no_id(&problem))?;
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let path = format!("phones/{phone}/agentMessages/{}", id.as_str());
    match platform.call(About::Person, Method::Delete, &path, None, None) {
        Ok(response) => answer::done(&response).map(|()| Revocation::TakenBack),
        // Current pages: 404 means delivered already. Older ones: always 200. (guides/build/messages/revoke)
        // Any other 404 proves nothing, and the revocation stays open.
        Err(failure) if failure.code == FailureCode::Unreachable => Ok(Revocation::TooLate),
        Err(failure) => Err(failure),
    }
}
