//! One instance of a plugin: the calls, and what ends a call that goes too far. Whatever ends one, the host goes on.

use crate::bindings::gateway::channel::http_client;
use crate::engine::TICK;
use crate::exports::{Exports, Function};
use crate::http_client::{
    FetchFailure, FetchFailureCode, HttpClient, HttpRequest, HttpResponse, denied, transfer_time,
};
use crate::limits::Limits;
use crate::observer::Observer;
use crate::testers::{self, Invitation};
use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Context, Description, FileBytes, Finding, Message, NewFile,
    NewFileSource, Payload, PlainForm, ReachAnswer, Reaction, Receipt, Report, Revocation,
    SignalKind, UploadedFile, Verdict, WebhookRequest,
};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime::component::{self, ComponentNamedList, InstancePre, Lift, Lower};
use wasmtime::{ResourceLimiter, Store, StoreContextMut, Trap, UpdateDeadline};

/// Why a call into a plugin gave no result. The instance is dead; the plugin and the host are not.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallProblem {
    /// It ran too long, waiting not counted.
    #[error("the plugin ran for more than {limit:?} in one call")]
    OutOfTime {
        /// `Limits::running_time_max`
        limit: Duration,
    },
    /// The call took too long altogether.
    #[error("the call into the plugin took more than {limit:?}")]
    TookTooLong {
        /// `Limits::call_time_max`
        limit: Duration,
    },
    /// It wanted more memory or tables than it may have.
    #[error("the plugin wanted {wanted} {unit}, the limit is {limit}")]
    OutOfMemory {
        /// What it wanted.
        wanted: usize,
        /// `Limits::memory_bytes_max` or `Limits::table_elements_max`
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// It called itself too deeply.
    #[error("the plugin used more than {limit} bytes of stack")]
    StackOverflow {
        /// `Limits::stack_bytes_max`
        limit: usize,
    },
    /// A value that it returned or asked with was too large.
    #[error("a value of the plugin takes more than {limit} bytes")]
    CopiedTooMuch {
        /// `Limits::copied_bytes_max`
        limit: usize,
    },
    /// It made too many HTTP requests.
    #[error("the plugin made more than {limit} HTTP requests in one call")]
    TooManyFetches {
        /// `Limits::fetches_max`
        limit: u32,
    },
    /// It gave up, as a panic does, or did what WebAssembly forbids.
    #[error("the plugin trapped: {what}")]
    Trapped {
        /// In the runtime's words.
        what: String,
    },
    /// What it returned is no value of the contract, such as a string that is not UTF-8.
    #[error("the plugin broke the contract: {what}")]
    BrokeContract {
        /// In the runtime's words.
        what: String,
    },
    /// It could not be started.
    #[error("the plugin did not start: {what}")]
    NotStarted {
        /// In the runtime's words.
        what: String,
    },
    /// A call into an instance that had ended with a problem before.
    #[error("this instance of the plugin ended with a problem before")]
    Dead,
}

/// A running instance of a plugin, for one call at a time.
pub struct Instance {
    store: Store<CallState>,
    running: component::Instance,
    exports: Arc<Exports>,
    limits: Arc<Limits>,
    observer: Option<Arc<dyn Observer>>,
    dead: bool,
    /// Given back with the instance's place in the pool.
    _turn: OwnedSemaphorePermit,
}

impl Instance {
    pub(crate) async fn new(
        template: &InstancePre<CallState>,
        exports: &Arc<Exports>,
        limits: &Arc<Limits>,
        observer: Option<Arc<dyn Observer>>,
        http: Arc<dyn HttpClient>,
        turn: OwnedSemaphorePermit,
    ) -> Result<Self, CallProblem> {
        let mut store = Store::new(template.engine(), CallState::new(limits.clone(), http));
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.copied_bytes_max);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store: StoreContextMut<'_, CallState>| {
            store.data_mut().tick()
        });
        let start = async {
            let running = template.instantiate_async(&mut store).await?;
            exports.compare(&mut store, &running)?;
            Ok(running)
        };
        let running = bound(limits, limits.call_time_max, start)
            .await
            .map_err(|problem| match problem {
                CallProblem::BrokeContract { what } => CallProblem::NotStarted { what },
                problem => problem,
            })?;
        let (exports, limits) = (exports.clone(), limits.clone());
        Ok(Self {
            store,
            running,
            exports,
            limits,
            observer,
            dead: false,
            _turn: turn,
        })
    }

    /// Who the plugin is.
    pub async fn describe(&mut self) -> Result<Description, CallProblem> {
        self.call(Function::Describe, ()).await
    }

    /// What is wrong with the settings.
    pub async fn check_settings(&mut self, context: &Context) -> Result<Vec<Finding>, CallProblem> {
        self.call(Function::CheckSettings, (context,)).await
    }

    /// What is wrong with a message.
    pub async fn check(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Report, CallProblem> {
        self.call(Function::Check, (context, message)).await
    }

    /// A message in plain text.
    pub async fn plain_text(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<PlainForm, CallProblem> {
        self.call(Function::PlainText, (context, message)).await
    }

    /// Hands a message to the platform.
    pub async fn send(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Result<Receipt, ChannelFailure>, CallProblem> {
        self.call(Function::Send, (context, message)).await
    }

    /// Takes a message back.
    pub async fn revoke(
        &mut self,
        context: &Context,
        recipient: &str,
        id: &str,
    ) -> Result<Result<Revocation, ChannelFailure>, CallProblem> {
        self.call(Function::Revoke, (context, recipient, id)).await
    }

    /// Shows typing, or that a message was read.
    pub async fn signal(
        &mut self,
        context: &Context,
        recipient: &str,
        id: &str,
        kind: &SignalKind,
    ) -> Result<Result<(), ChannelFailure>, CallProblem> {
        self.call(Function::Signal, (context, recipient, id, kind))
            .await
    }

    /// What a device can show.
    pub async fn capabilities(
        &mut self,
        context: &Context,
        recipient: &str,
        request_id: &str,
    ) -> Result<Result<CapabilityAnswer, ChannelFailure>, CallProblem> {
        self.call(Function::Capabilities, (context, recipient, request_id))
            .await
    }

    /// Who can be reached.
    pub async fn reach(
        &mut self,
        context: &Context,
        recipients: &[String],
    ) -> Result<Result<ReachAnswer, ChannelFailure>, CallProblem> {
        self.call(Function::Reach, (context, recipients)).await
    }

    /// Gives the platform a file to keep. Its bytes stay with the host, and the plugin gets a name for them: so a large file
    /// needs no room in the plugin, and no time there.
    pub async fn upload(
        &mut self,
        context: &Context,
        mut file: NewFile,
    ) -> Result<Result<UploadedFile, ChannelFailure>, CallProblem> {
        let held = hold(&mut file);
        let time_max = self.limits.call_time_max + transfer_time(held.as_ref().map_or(0, Vec::len));
        self.store.data_mut().held = held;
        let outcome = self
            .call_within(time_max, Function::Upload, (context, &file))
            .await;
        self.store.data_mut().held = None;
        outcome
    }

    /// Invites a person to receive messages of a sender that is not launched yet.
    pub async fn invite(
        &mut self,
        context: &Context,
        phone: &str,
    ) -> Result<Result<Invitation, ChannelFailure>, CallProblem> {
        if self.exports.has(Function::Invite) {
            self.call(Function::Invite, (context, phone)).await
        } else {
            Ok(Err(testers::unsupported()))
        }
    }

    /// Whether a webhook request is the platform's.
    pub async fn verify_signature(
        &mut self,
        context: &Context,
        request: &WebhookRequest,
    ) -> Result<Verdict, CallProblem> {
        self.call(Function::VerifySignature, (context, request))
            .await
    }

    /// What a webhook request means.
    pub async fn on_event(
        &mut self,
        context: &Context,
        request: &WebhookRequest,
    ) -> Result<Result<Reaction, ChannelFailure>, CallProblem> {
        self.call(Function::OnEvent, (context, request)).await
    }

    async fn call<P, R>(&mut self, function: Function, parameters: P) -> Result<R, CallProblem>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.call_within(self.limits.call_time_max, function, parameters)
            .await
    }

    async fn call_within<P, R>(
        &mut self,
        time_max: Duration,
        function: Function,
        parameters: P,
    ) -> Result<R, CallProblem>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.arm()?;
        let begun = Instant::now();
        let found = self
            .exports
            .function(function, &mut self.store, &self.running);
        let outcome = match found {
            Ok(found) => {
                bound(
                    &self.limits,
                    time_max,
                    found.call_async(&mut self.store, parameters),
                )
                .await
            }
            Err(error) => Err(CallProblem::BrokeContract {
                what: format!("{error:#}"),
            }),
        };
        if let Some(observer) = &self.observer {
            observer.called(function.name(), outcome.as_ref().err(), begun.elapsed());
        }
        self.conclude(function, outcome.map(|(result,)| result))
    }

    /// A call that is dropped half-way leaves the instance dead, so it is dead from the start until it has a result.
    fn arm(&mut self) -> Result<(), CallProblem> {
        if self.dead {
            return Err(CallProblem::Dead);
        }
        self.dead = true;
        self.store.data_mut().arm();
        self.store.set_epoch_deadline(1);
        Ok(())
    }

    fn conclude<R>(
        &mut self,
        function: Function,
        outcome: Result<R, CallProblem>,
    ) -> Result<R, CallProblem> {
        let function = function.name();
        match &outcome {
            Ok(_) => {
                self.dead = false;
                tracing::trace!(function, "the plugin returned");
            }
            Err(problem) => tracing::debug!(function, %problem, "the plugin did not return"),
        }
        outcome
    }
}

/// What the host keeps for one instance: who makes its requests, and what it has left.
pub(crate) struct CallState {
    limits: Arc<Limits>,
    http: Arc<dyn HttpClient>,
    ticks_left: u32,
    fetches_left: u32,
    /// What goes out in the place of [`HELD`].
    held: Option<Vec<u8>>,
    /// The next tick passed while the guest waited, not while it ran.
    waited: bool,
}

impl CallState {
    fn new(limits: Arc<Limits>, http: Arc<dyn HttpClient>) -> Self {
        let mut state = Self {
            limits,
            http,
            ticks_left: 0,
            fetches_left: 0,
            held: None,
            waited: false,
        };
        state.arm();
        state
    }

    fn arm(&mut self) {
        let ticks = self
            .limits
            .running_time_max
            .as_millis()
            .div_ceil(TICK.as_millis());
        self.ticks_left = u32::try_from(ticks).unwrap_or(u32::MAX);
        self.fetches_left = self.limits.fetches_max;
        self.waited = false;
    }

    /// Every tick the guest lets others on this thread run, until it has had its time.
    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if !std::mem::take(&mut self.waited) {
            let Some(left) = self.ticks_left.checked_sub(1) else {
                return Err(CallProblem::OutOfTime {
                    limit: self.limits.running_time_max,
                }
                .into());
            };
            self.ticks_left = left;
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

/// Growth past a limit ends the call: a guest that is only told "no" goes on with who knows what.
impl ResourceLimiter for CallState {
    fn memory_growing(
        &mut self,
        _: usize,
        wanted: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        within(wanted, self.limits.memory_bytes_max, "bytes of memory")
    }

    fn table_growing(
        &mut self,
        _: usize,
        wanted: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        within(wanted, self.limits.table_elements_max, "table elements")
    }
}

fn within(wanted: usize, limit: usize, unit: &'static str) -> wasmtime::Result<bool> {
    if wanted <= limit {
        Ok(true)
    } else {
        Err(CallProblem::OutOfMemory {
            wanted,
            limit,
            unit,
        }
        .into())
    }
}

impl http_client::Host for CallState {
    async fn fetch(
        &mut self,
        mut request: HttpRequest,
    ) -> wasmtime::Result<Result<HttpResponse, FetchFailure>> {
        let Some(left) = self.fetches_left.checked_sub(1) else {
            return Err(CallProblem::TooManyFetches {
                limit: self.limits.fetches_max,
            }
            .into());
        };
        self.fetches_left = left;
        if let Some(problem) = forbidden(&request) {
            return Ok(Err(problem));
        }
        if let Payload::Held(name) = &request.body {
            let held = if name == HELD { self.held.take() } else { None };
            let Some(bytes) = held else {
                return Ok(Err(not_held(name)));
            };
            request.body = Payload::Inline(bytes);
        }
        let answer = self.http.fetch(request).await;
        self.waited = true;
        Ok(answer)
    }
}

/// What the host alone decides about a request.
fn forbidden(request: &HttpRequest) -> Option<FetchFailure> {
    let own = request.headers.iter().find(|header| {
        HOST_HEADERS
            .iter()
            .any(|own| header.name.eq_ignore_ascii_case(own))
    });
    own.map(|header| denied(format!("the header {:?} is the host's to set", header.name)))
}

/// Takes the bytes of a file out, and leaves their name in their place.
fn hold(file: &mut NewFile) -> Option<Vec<u8>> {
    let NewFileSource::Bytes(FileBytes { bytes: payload, .. }) = &mut file.source else {
        return None;
    };
    match std::mem::replace(payload, Payload::Held(HELD.to_owned())) {
        Payload::Inline(bytes) => Some(bytes),
        // The name is the caller's own, and stays it.
        held @ Payload::Held(_) => {
            *payload = held;
            None
        }
    }
}

/// What is held goes out once.
fn not_held(name: &str) -> FetchFailure {
    let message = format!(
        "this host holds no payload named {:?}",
        name.escape_debug().to_string()
    );
    FetchFailure {
        code: FetchFailureCode::Other,
        message,
    }
}

async fn bound<R>(
    limits: &Limits,
    time_max: Duration,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> Result<R, CallProblem> {
    let mut call = pin!(call);
    // A call that does not wait needs no timer; one that runs for long pauses at the first tick.
    let outcome = match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => timeout(time_max, call)
            .await
            .map_err(|_| CallProblem::TookTooLong { limit: time_max })?,
    };
    outcome.map_err(|error| problem(&error, limits))
}

fn problem(error: &wasmtime::Error, limits: &Limits) -> CallProblem {
    if let Some(problem) = error.downcast_ref::<CallProblem>() {
        return problem.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => CallProblem::StackOverflow {
            limit: limits.stack_bytes_max,
        },
        Some(trap) => CallProblem::Trapped {
            what: trap.to_string(),
        },
        None => {
            let what = format!("{error:#}");
            // The runtime has no type for this one.
            if what.contains("fuel allocated for hostcalls") {
                CallProblem::CopiedTooMuch {
                    limit: limits.copied_bytes_max,
                }
            } else {
                CallProblem::BrokeContract { what }
            }
        }
    }
}

/// The name of the bytes of a file in a call to `upload`.
const HELD: &str = "file";
const HOST_HEADERS: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];
