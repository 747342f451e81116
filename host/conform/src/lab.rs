//! Where calls are made, and what was seen is written down.

use crate::Judged;
use crate::call::{Call, Outcome};
use crate::promise::{ASKS_NOBODY, PROMISES, RETURNS};
use crate::script::{Answer, Script};
use gateway_channel::{Context, Setting};
use rbm_host::{Instance, Plugin};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A plugin with good settings.
pub(crate) struct Lab<'a> {
    plugin: &'a Plugin,
    pub(crate) settings: Vec<Setting>,
    broken: BTreeMap<&'static str, Vec<String>>,
}

impl<'a> Lab<'a> {
    pub(crate) fn new(plugin: &'a Plugin, settings: Vec<Setting>) -> Self {
        Self {
            plugin,
            settings,
            broken: BTreeMap::new(),
        }
    }

    /// Something was seen that breaks a promise. Seen again it is no news.
    pub(crate) fn breaks(&mut self, promise: &'static str, seen: String) {
        let broken = self.broken.entry(promise).or_default();
        if !broken.contains(&seen) {
            broken.push(seen);
        }
    }

    /// One call in an instance of its own; none where it did not return, which has been written down.
    pub(crate) async fn call(&mut self, call: &Call) -> Option<Outcome> {
        self.call_answered(call, Answer::Status(200, "{}")).await.0
    }

    /// The same, and how many requests it made, each of which was answered like this.
    pub(crate) async fn call_answered(
        &mut self,
        call: &Call,
        answer: Answer,
    ) -> (Option<Outcome>, usize) {
        let script = Script::new(answer);
        let Some(mut instance) = self.instance(&script).await else {
            return (None, 0);
        };
        let outcome = self.perform(call, &mut instance).await;
        let asked = script.asked();
        if !call.may_ask() && !asked.is_empty() {
            self.breaks(
                ASKS_NOBODY,
                format!("{} asked for {}", call.name(), asked[0].url),
            );
        }
        (outcome, asked.len())
    }

    /// Some calls in one instance, the outcome of the last.
    pub(crate) async fn call_after(&mut self, before: &[Call], call: &Call) -> Option<Outcome> {
        let mut instance = self
            .instance(&Script::new(Answer::Status(200, "{}")))
            .await?;
        for call in before {
            self.perform(call, &mut instance).await?;
        }
        self.perform(call, &mut instance).await
    }

    async fn instance(&mut self, script: &Arc<Script>) -> Option<Instance> {
        let instance = self.plugin.instantiate(script.clone()).await;
        instance
            .map_err(|problem| self.breaks(RETURNS, format!("there is no instance: {problem}")))
            .ok()
    }

    async fn perform(&mut self, call: &Call, instance: &mut Instance) -> Option<Outcome> {
        let context = Context {
            settings: self.settings.clone(),
            now: NOW.to_owned(),
        };
        let outcome = call.perform(instance, &context).await;
        outcome
            .map_err(|problem| self.breaks(RETURNS, format!("{}: {problem}", call.name())))
            .ok()
    }

    pub(crate) fn judged(mut self) -> Vec<Judged> {
        let judged = |promise| Judged {
            promise,
            broken: self.broken.remove(promise.name).unwrap_or_default(),
        };
        PROMISES.iter().map(judged).collect()
    }
}

/// Any time will do, as long as it stands still.
const NOW: &str = "2026-11-24T10:00:00Z";
