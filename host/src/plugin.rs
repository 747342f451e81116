//! A loaded plugin: where instances come from.

use crate::channel::Channel;
use crate::exports::{Exports, Function};
use crate::http_client::{HttpClient, NoHttp};
use crate::instance::{CallProblem, CallState, Instance};
use crate::limits::Limits;
use crate::observer::Observer;
use gateway_channel::{Description, Setting};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use wasmtime::component::InstancePre;

/// A compiled plugin. Cloning is cheap.
#[derive(Clone)]
pub struct Plugin {
    template: InstancePre<CallState>,
    exports: Arc<Exports>,
    limits: Arc<Limits>,
    turns: Arc<Semaphore>,
    observer: Option<Arc<dyn Observer>>,
}

impl Plugin {
    pub(crate) fn new(
        template: InstancePre<CallState>,
        exports: Exports,
        limits: Arc<Limits>,
        turns: Arc<Semaphore>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            template,
            exports: Arc::new(exports),
            limits,
            turns,
            observer,
        }
    }

    /// The plugin with one sender's settings. Every call runs in a fresh instance that is gone afterwards.
    pub fn channel(&self, settings: Vec<Setting>, http: Arc<dyn HttpClient>) -> Channel {
        Channel::new(self.clone(), settings.into(), http)
    }

    /// An instance to call more than once: quicker, and for one sender only, since what a plugin keeps by mistake it keeps
    /// for the next call. It is dead after a [`CallProblem`].
    pub async fn instantiate(&self, http: Arc<dyn HttpClient>) -> Result<Instance, CallProblem> {
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| CallProblem::Dead)?;
        Instance::new(
            &self.template,
            &self.exports,
            &self.limits,
            self.observer.clone(),
            http,
            turn,
        )
        .await
    }

    /// The same for one call, which has failed if there is no instance.
    pub(crate) async fn instantiate_for(
        &self,
        function: Function,
        http: Arc<dyn HttpClient>,
    ) -> Result<Instance, CallProblem> {
        let begun = Instant::now();
        let instance = self.instantiate(http).await;
        if let (Err(problem), Some(observer)) = (&instance, &self.observer) {
            observer.called(function.name(), Some(problem), begun.elapsed());
        }
        instance
    }

    /// Who the plugin is and which settings it understands.
    pub async fn describe(&self) -> Result<Description, CallProblem> {
        self.instantiate_for(Function::Describe, Arc::new(NoHttp))
            .await?
            .describe()
            .await
    }
}
