//! A call into a plugin and what it came to, as values that can be repeated and compared.

use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Context, Description, Finding, Message, NewFile, PlainForm,
    ReachAnswer, Reaction, Receipt, Report, Revocation, SignalKind, UploadedFile, Verdict,
    WebhookRequest,
};
use rbm_host::{CallProblem, Instance, Invitation};

/// What to call, and with what besides the context.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Describe,
    CheckSettings,
    Check(Message),
    PlainText(Message),
    Send(Message),
    Revoke,
    Signal(SignalKind),
    Capabilities,
    Reach,
    Upload(NewFile),
    Invite,
    VerifySignature(WebhookRequest),
    OnEvent(WebhookRequest),
}

/// What it returned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Description(Description),
    Findings(Vec<Finding>),
    Report(Report),
    PlainForm(PlainForm),
    Receipt(Result<Receipt, ChannelFailure>),
    Revocation(Result<Revocation, ChannelFailure>),
    Signalled(Result<(), ChannelFailure>),
    Capabilities(Result<CapabilityAnswer, ChannelFailure>),
    Reach(Result<ReachAnswer, ChannelFailure>),
    Uploaded(Result<UploadedFile, ChannelFailure>),
    Invited(Result<Invitation, ChannelFailure>),
    Verdict(Verdict),
    Reaction(Result<Reaction, ChannelFailure>),
}

impl Call {
    /// The contract's name of the function.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::CheckSettings => "check-settings",
            Self::Check(_) => "check",
            Self::PlainText(_) => "plain-text",
            Self::Send(_) => "send",
            Self::Revoke => "revoke",
            Self::Signal(_) => "signal",
            Self::Capabilities => "capabilities",
            Self::Reach => "reach",
            Self::Upload(_) => "upload",
            Self::Invite => "invite",
            Self::VerifySignature(_) => "verify-signature",
            Self::OnEvent(_) => "on-event",
        }
    }

    /// Whether it is one of those that may make requests.
    pub(crate) fn may_ask(&self) -> bool {
        !matches!(
            self,
            Self::Describe
                | Self::CheckSettings
                | Self::Check(_)
                | Self::PlainText(_)
                | Self::VerifySignature(_)
                | Self::OnEvent(_)
        )
    }

    pub(crate) async fn perform(
        &self,
        instance: &mut Instance,
        context: &Context,
    ) -> Result<Outcome, CallProblem> {
        Ok(match self.clone() {
            Self::Describe => Outcome::Description(instance.describe().await?),
            Self::CheckSettings => Outcome::Findings(instance.check_settings(context).await?),
            Self::Check(message) => Outcome::Report(instance.check(context, &message).await?),
            Self::PlainText(message) => {
                Outcome::PlainForm(instance.plain_text(context, &message).await?)
            }
            Self::Send(message) => Outcome::Receipt(instance.send(context, &message).await?),
            Self::Revoke => Outcome::Revocation(instance.revoke(context, RECIPIENT, ID).await?),
            Self::Signal(kind) => {
                Outcome::Signalled(instance.signal(context, RECIPIENT, ID, &kind).await?)
            }
            Self::Capabilities => {
                Outcome::Capabilities(instance.capabilities(context, RECIPIENT, ID).await?)
            }
            Self::Reach => Outcome::Reach(instance.reach(context, &[RECIPIENT.to_owned()]).await?),
            Self::Upload(file) => Outcome::Uploaded(instance.upload(context, file).await?),
            Self::Invite => Outcome::Invited(instance.invite(context, RECIPIENT).await?),
            Self::VerifySignature(request) => {
                Outcome::Verdict(instance.verify_signature(context, &request).await?)
            }
            Self::OnEvent(request) => {
                Outcome::Reaction(instance.on_event(context, &request).await?)
            }
        })
    }
}

/// A number that belongs to nobody. (North American numbering plan: 555-0100 to 555-0199)
pub(crate) const RECIPIENT: &str = "+15550100001";
pub(crate) const ID: &str = "0192f0c1-7a3e-7c51-9d3c-0a4e5b6c7d8e";
