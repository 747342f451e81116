//! What WebAssembly costs: the two functions of a webhook natively, in an instance that is used again and again, and in a
//! fresh instance for each call, as `Channel` makes one.
//!
//! `cargo bench -p rbm-component`. Criterion shows how each of them varies. Ratios are read from the table at the end: its
//! candidates take turns within one process, and a ratio is the median over the turns, so what slows the machine down for
//! a while slows both sides of it.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]
#![expect(clippy::cast_precision_loss, reason = "nobody makes so many calls")]

#[path = "../tests/webhook/mod.rs"]
mod webhook;

use criterion::{Criterion, Throughput};
use gateway_channel::{Context, VerdictOutcome, WebhookRequest};
use jiff::Timestamp;
use rbm_component::COMPONENT;
use rbm_guest::on_event::on_event;
use rbm_guest::signature::{sign, verify_signature};
use rbm_host::{Channel, Engine, Instance, Limits, NoHttp};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{self, Runtime};

fn main() {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut bench = Bench::new(&runtime);
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for function in FUNCTIONS {
        for document_bytes in DOCUMENT_BYTES {
            distributions(
                &mut criterion,
                &runtime,
                &mut bench,
                function,
                document_bytes,
            );
        }
    }
    criterion.final_summary();
    // Without it cargo only tests that a benchmark runs.
    if std::env::args().any(|argument| argument == "--bench") {
        table(&runtime, &mut bench);
    }
}

fn distributions(
    criterion: &mut Criterion,
    runtime: &Runtime,
    bench: &mut Bench,
    function: Function,
    document_bytes: usize,
) {
    let request = request(document_bytes);
    let mut group = criterion.benchmark_group(format!("{}/{document_bytes}", function.name()));
    group.throughput(Throughput::Elements(1));
    for way in WAYS {
        group.bench_function(way.name(), |bencher| {
            bencher
                .iter_custom(|calls| runtime.block_on(bench.time(function, way, &request, calls)));
        });
    }
    group.finish();
}

/// Prints Markdown.
fn table(runtime: &Runtime, bench: &mut Bench) {
    println!("The component has {} bytes.\n", COMPONENT.len());
    println!(
        "| function | document, bytes | native, µs | reused, µs | × native | fresh, µs | × native | native, calls/s/core | reused | fresh |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for function in FUNCTIONS {
        for document_bytes in DOCUMENT_BYTES {
            let request = request(document_bytes);
            let [native, reused, fresh] = runtime.block_on(compare(bench, function, &request));
            println!(
                "| {} | {document_bytes} | {:.2} | {:.2} | **{:.2}** | {:.2} | **{:.2}** | {:.0} | {:.0} | {:.0} |",
                function.name(),
                native.microseconds,
                reused.microseconds,
                reused.ratio,
                fresh.microseconds,
                fresh.ratio,
                native.per_second(),
                reused.per_second(),
                fresh.per_second(),
            );
        }
    }
}

/// Medians over the rounds.
struct Cost {
    microseconds: f64,
    /// To the native call of the same round.
    ratio: f64,
}

impl Cost {
    fn per_second(&self) -> f64 {
        1e6 / self.microseconds
    }
}

async fn compare(bench: &mut Bench, function: Function, request: &WebhookRequest) -> [Cost; 3] {
    let mut calls = [0; 3];
    for (way, calls) in WAYS.into_iter().zip(&mut calls) {
        *calls = bench.calls_in(SLICE, function, way, request).await;
    }
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut microseconds = [0.0; 3];
        for turn in 0..3 {
            // Who follows whom changes, so that nobody always finds the caches as the same neighbour left them.
            let index = (round + turn) % 3;
            let taken = bench
                .time(function, WAYS[index], request, calls[index])
                .await;
            microseconds[index] = taken.as_secs_f64() * 1e6 / calls[index] as f64;
        }
        rounds.push(microseconds);
    }
    [0, 1, 2].map(|index| Cost {
        microseconds: median(rounds.iter().map(|round| round[index])),
        ratio: median(rounds.iter().map(|round| round[index] / round[0])),
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[derive(Clone, Copy)]
enum Function {
    VerifySignature,
    OnEvent,
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::VerifySignature => "verify-signature",
            Self::OnEvent => "on-event",
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    Native,
    Reused,
    Fresh,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Reused => "reused",
            Self::Fresh => "fresh",
        }
    }
}

/// The plugin in its three forms, with the same settings.
struct Bench {
    context: Context,
    now: Timestamp,
    instance: Instance,
    channel: Channel,
}

impl Bench {
    fn new(runtime: &Runtime) -> Self {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let settings = [("agent-id", "bot"), ("client-token", TOKEN)];
        let settings: Vec<_> = settings
            .map(|(name, value)| webhook::setting(name, value))
            .into();
        let plugin = Engine::new(Limits::default())
            .unwrap()
            .load(COMPONENT)
            .unwrap();
        Self {
            context: Context {
                settings: settings.clone(),
                now: now.to_string(),
            },
            now,
            instance: runtime
                .block_on(plugin.instantiate(Arc::new(NoHttp)))
                .unwrap(),
            channel: plugin.channel(settings, Arc::new(NoHttp)),
        }
    }

    /// How long so many calls take. The runtime is entered once for all of them: what it costs to enter is not the call's.
    async fn time(
        &mut self,
        function: Function,
        way: Way,
        request: &WebhookRequest,
        calls: u64,
    ) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            let outcome = self.call(function, way, black_box(request)).await;
            assert_eq!(outcome, VerdictOutcome::Authentic);
        }
        start.elapsed()
    }

    async fn call(
        &mut self,
        function: Function,
        way: Way,
        request: &WebhookRequest,
    ) -> VerdictOutcome {
        let Self {
            context,
            now,
            instance,
            channel,
        } = self;
        match (function, way) {
            (Function::VerifySignature, Way::Native) => {
                black_box(verify_signature(context, request)).outcome
            }
            (Function::VerifySignature, Way::Reused) => {
                black_box(instance.verify_signature(context, request).await.unwrap()).outcome
            }
            (Function::VerifySignature, Way::Fresh) => {
                black_box(channel.verify_signature(*now, request).await.unwrap()).outcome
            }
            (Function::OnEvent, Way::Native) => {
                black_box(on_event(context, request).unwrap())
                    .verdict
                    .outcome
            }
            (Function::OnEvent, Way::Reused) => {
                black_box(instance.on_event(context, request).await.unwrap().unwrap())
                    .verdict
                    .outcome
            }
            (Function::OnEvent, Way::Fresh) => {
                black_box(channel.on_event(*now, request).await.unwrap().unwrap())
                    .verdict
                    .outcome
            }
        }
    }

    /// How many calls fill this time, warm.
    async fn calls_in(
        &mut self,
        time: Duration,
        function: Function,
        way: Way,
        request: &WebhookRequest,
    ) -> u64 {
        let mut calls = 1;
        loop {
            if self.time(function, way, request, calls).await >= time {
                return calls;
            }
            calls = calls * 3 / 2 + 1;
        }
    }
}

/// A person's message of so many bytes, pretty-printed as the platform does, in the envelope that it really sends.
fn request(document_bytes: usize) -> WebhookRequest {
    let document = |text: &str| {
        format!(
            r#"{{
  "agentId": "bot@rbm.goog",
  "senderPhoneNumber": "+12223334444",
  "messageId": "MxlGr4ESYzQ6GOPhzHbkbMRQ",
  "sendTime": "2026-11-24T10:00:00.045123Z",
  "text": "{text}"
}}
"#
        )
    };
    let padding = document_bytes - document("").len();
    let text: String = "Where is my parcel, please? "
        .chars()
        .cycle()
        .take(padding)
        .collect();
    let document = document(&text);
    webhook::request(document.as_bytes(), &sign(TOKEN, document.as_bytes()))
}

const FUNCTIONS: [Function; 2] = [Function::VerifySignature, Function::OnEvent];
const WAYS: [Way; 3] = [Way::Native, Way::Reused, Way::Fresh];
const DOCUMENT_BYTES: [usize; 4] = [300, 600, 2_000, 10_000];
const TOKEN: &str = "q8Jw2nV5tRb1yXc7kLm4PzHd";
/// Short, so that most slices are spared by whoever else wants the processor.
const SLICE: Duration = Duration::from_millis(2);
const ROUNDS: usize = 151;
