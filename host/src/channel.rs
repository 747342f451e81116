//! A plugin with one sender's settings: what a gateway calls. Time comes with each call.

use crate::exports::Function;
use crate::http_client::HttpClient;
use crate::instance::{CallProblem, Instance};
use crate::plugin::Plugin;
use crate::testers::Invitation;
use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Context, Finding, Message, NewFile, PlainForm, ReachAnswer,
    Reaction, Receipt, Report, Revocation, Setting, SignalKind, UploadedFile, Verdict,
    WebhookRequest,
};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// One configured sender. Every call runs in a fresh instance, so no call sees anything of another. Cloning is cheap.
///
/// The outer error of a result means that the plugin did not return; the inner one is the plugin's own word.
#[derive(Clone)]
pub struct Channel {
    plugin: Plugin,
    settings: Arc<[Setting]>,
    http: Arc<dyn HttpClient>,
}

impl Channel {
    pub(crate) fn new(plugin: Plugin, settings: Arc<[Setting]>, http: Arc<dyn HttpClient>) -> Self {
        Self {
            plugin,
            settings,
            http,
        }
    }

    /// What is wrong with the settings. Do not start on an error.
    pub async fn check_settings(&self, now: Timestamp) -> Result<Vec<Finding>, CallProblem> {
        self.instance(Function::CheckSettings)
            .await?
            .check_settings(&self.context(now))
            .await
    }

    /// What is wrong with a message, and what it would count as. Sends nothing.
    pub async fn check(&self, now: Timestamp, message: &Message) -> Result<Report, CallProblem> {
        self.instance(Function::Check)
            .await?
            .check(&self.context(now), message)
            .await
    }

    /// The best form of a message in plain text.
    pub async fn plain_text(
        &self,
        now: Timestamp,
        message: &Message,
    ) -> Result<PlainForm, CallProblem> {
        self.instance(Function::PlainText)
            .await?
            .plain_text(&self.context(now), message)
            .await
    }

    /// Hands a message to the platform. `accepted` is not `delivered`.
    pub async fn send(
        &self,
        now: Timestamp,
        message: &Message,
    ) -> Result<Result<Receipt, ChannelFailure>, CallProblem> {
        self.instance(Function::Send)
            .await?
            .send(&self.context(now), message)
            .await
    }

    /// Takes a message back, if it is not delivered yet.
    pub async fn revoke(
        &self,
        now: Timestamp,
        recipient: &str,
        id: &str,
    ) -> Result<Result<Revocation, ChannelFailure>, CallProblem> {
        self.instance(Function::Revoke)
            .await?
            .revoke(&self.context(now), recipient, id)
            .await
    }

    /// Shows the person that somebody types, or has read.
    pub async fn signal(
        &self,
        now: Timestamp,
        recipient: &str,
        id: &str,
        kind: &SignalKind,
    ) -> Result<Result<(), ChannelFailure>, CallProblem> {
        self.instance(Function::Signal)
            .await?
            .signal(&self.context(now), recipient, id, kind)
            .await
    }

    /// What a person's device can show.
    pub async fn capabilities(
        &self,
        now: Timestamp,
        recipient: &str,
        request_id: &str,
    ) -> Result<Result<CapabilityAnswer, ChannelFailure>, CallProblem> {
        self.instance(Function::Capabilities)
            .await?
            .capabilities(&self.context(now), recipient, request_id)
            .await
    }

    /// Which of these people can be reached. One call is one batch.
    pub async fn reach(
        &self,
        now: Timestamp,
        recipients: &[String],
    ) -> Result<Result<ReachAnswer, ChannelFailure>, CallProblem> {
        self.instance(Function::Reach)
            .await?
            .reach(&self.context(now), recipients)
            .await
    }

    /// Gives the platform a file to keep. Bytes never enter the plugin.
    pub async fn upload(
        &self,
        now: Timestamp,
        file: NewFile,
    ) -> Result<Result<UploadedFile, ChannelFailure>, CallProblem> {
        self.instance(Function::Upload)
            .await?
            .upload(&self.context(now), file)
            .await
    }

    /// Invites a person to receive messages of a sender that is not launched yet; unsupported by a plugin without testers.
    pub async fn invite(
        &self,
        now: Timestamp,
        phone: &str,
    ) -> Result<Result<Invitation, ChannelFailure>, CallProblem> {
        self.instance(Function::Invite)
            .await?
            .invite(&self.context(now), phone)
            .await
    }

    /// Whether a webhook request is the platform's.
    pub async fn verify_signature(
        &self,
        now: Timestamp,
        request: &WebhookRequest,
    ) -> Result<Verdict, CallProblem> {
        self.instance(Function::VerifySignature)
            .await?
            .verify_signature(&self.context(now), request)
            .await
    }

    /// What a webhook request means, and how to answer it.
    pub async fn on_event(
        &self,
        now: Timestamp,
        request: &WebhookRequest,
    ) -> Result<Result<Reaction, ChannelFailure>, CallProblem> {
        self.instance(Function::OnEvent)
            .await?
            .on_event(&self.context(now), request)
            .await
    }

    /// How long the credentials are good for yet that its requests are made with; none where that is not known.
    pub fn token_expires_in(&self) -> Option<Duration> {
        self.http.token_expires_in()
    }

    async fn instance(&self, function: Function) -> Result<Instance, CallProblem> {
        self.plugin
            .instantiate_for(function, self.http.clone())
            .await
    }

    fn context(&self, now: Timestamp) -> Context {
        Context {
            settings: self.settings.to_vec(),
            now: now.to_string(),
        }
    }
}
