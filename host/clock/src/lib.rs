//! Tells the time to a gateway and to the emulator beside it, and lets them wait for a moment: one clock for both, so that both
//! see the same time pass.
//!
//! [`Clock::system`] is the machine's clock, which nobody moves. [`Clock::starting_at`] makes a virtual one, which runs by itself
//! and may be moved: jumped forward, paused, run faster. Whoever waits for a moment of it wakes when that moment has come,
//! however it came. A clock stays what it is: one that is to be moved later starts as `starting_at(Timestamp::now())`, which
//! goes with the machine's until then. (It does not follow when the machine's clock is set, or the machine sleeps.)
//!
//! No clock ever goes back, but for the machine's when it is set. What guards real connections (time-outs, heartbeats) does not
//! belong on a clock that can be moved: that stays on tokio's time.

mod course;

use course::Course;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    /// Whoever waits hears of each change.
    Virtual(Arc<watch::Sender<Course>>),
}

/// What a clock shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The time.
    pub now: Timestamp,
    /// Whether it stands still.
    pub paused: bool,
    /// Seconds that pass in a second, where it is not paused.
    pub rate: f64,
}

/// Why a clock was not moved. It goes on as before.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClockProblem {
    /// It is not ours to move.
    #[error("this clock is the machine's, and cannot be moved")]
    Machine,
    /// What has happened has happened.
    #[error("the clock shows {now}, and does not go back to {to}")]
    Backwards {
        /// What it shows.
        now: Timestamp,
        /// What was asked for.
        to: Timestamp,
    },
    /// Beyond [`Clock::LATEST`].
    #[error("the clock does not go beyond {}", Clock::LATEST)]
    TooFar,
    /// Not a rate to run at.
    #[error("the rate {0} is none: it must be more than 0 and at most {max}", max = Clock::RATE_MAX)]
    Rate(f64),
}

impl Clock {
    /// Seconds in a second, at most: a day. Timers are exact to a millisecond, which is 86 seconds then; who wants to be further
    /// on at once jumps.
    pub const RATE_MAX: f64 = 86_400.0;
    /// A virtual clock stops here: the beginning of 2900. So whoever adds years to what it shows stays within what a
    /// [`Timestamp`] can say.
    pub const LATEST: Timestamp = Timestamp::constant(29_348_006_400, 0);

    /// The machine's clock.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that shows this time now, runs at rate 1, and can be moved. After [`Clock::LATEST`] it shows that.
    pub fn starting_at(time: Timestamp) -> Self {
        Self::of(Course::starting_at(time, Instant::now()))
    }

    /// The same, but it stands still from its first moment on: two of them show the same.
    pub fn paused_at(time: Timestamp) -> Self {
        let mut course = Course::starting_at(time, Instant::now());
        course.paused = true;
        Self::of(course)
    }

    fn of(course: Course) -> Self {
        Self(Kind::Virtual(Arc::new(watch::Sender::new(course))))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            // The lock is held meanwhile, so that nobody moves the clock between the two.
            Kind::Virtual(course) => {
                let course = course.borrow();
                course.time(Instant::now())
            }
        }
    }

    /// The same for what counts spans, such as a pace: it never goes back, though the machine's time is set, and is as far ahead
    /// of the machine's instants as the clock was moved. So tokio must not be asked to wait for it.
    pub fn instant(&self) -> std::time::Instant {
        match &self.0 {
            Kind::System => Instant::now().into_std(),
            Kind::Virtual(course) => {
                let course = course.borrow();
                course.instant(Instant::now()).into_std()
            }
        }
    }

    /// What it shows.
    pub fn reading(&self) -> Reading {
        match &self.0 {
            Kind::System => Reading {
                now: Timestamp::now(),
                paused: false,
                rate: 1.0,
            },
            Kind::Virtual(course) => {
                let course = course.borrow();
                Reading {
                    now: course.time(Instant::now()),
                    paused: course.paused,
                    rate: course.rate,
                }
            }
        }
    }

    /// Waits until so much has passed by this clock. While it is paused nothing passes.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            // Though somebody set it meanwhile.
            Kind::System => sleep(duration).await,
            Kind::Virtual(_) => self.sleep_until(later(self.now(), duration)).await,
        }
    }

    /// Waits until this clock shows this time or a later one. One that is past is no wait.
    pub async fn sleep_until(&self, time: Timestamp) {
        match &self.0 {
            Kind::System => sleep_until_by_the_machine(time).await,
            Kind::Virtual(course) => sleep_until_on(course, time).await,
        }
    }

    /// Waits until somebody moves the clock, which is one who waits by other time than its own wants to hear of. Hears of
    /// everything from the call on, and not only from the first poll. Nobody moves the machine's.
    pub fn moved(&self) -> impl Future<Output = ()> + Send + use<> {
        let changes = match &self.0 {
            Kind::System => None,
            Kind::Virtual(course) => Some(course.subscribe()),
        };
        async move {
            if let Some(mut changes) = changes
                && changes.changed().await.is_ok()
            {
                return;
            }
            // The machine's, or one that nobody has any more.
            std::future::pending::<()>().await;
        }
    }

    /// Jumps ahead.
    pub fn advance(&self, duration: Duration) -> Result<(), ClockProblem> {
        self.change(|course, now| {
            let ahead = SignedDuration::try_from(duration).map_err(|_| ClockProblem::TooFar)?;
            let to = course
                .time(now)
                .checked_add(ahead)
                .map_err(|_| ClockProblem::TooFar)?;
            course.jump(to, now)
        })
    }

    /// Jumps to a time that is not past.
    pub fn jump_to(&self, time: Timestamp) -> Result<(), ClockProblem> {
        self.change(|course, now| course.jump(time, now))
    }

    /// Stands still from now on. Who waits goes on waiting, unless the clock is moved.
    pub fn pause(&self) -> Result<(), ClockProblem> {
        self.change(|course, now| {
            course.set_paused(true, now);
            Ok(())
        })
    }

    /// Runs again, if it was paused, from the time that it shows.
    pub fn resume(&self) -> Result<(), ClockProblem> {
        self.change(|course, now| {
            course.set_paused(false, now);
            Ok(())
        })
    }

    /// Runs at another rate from now on: more than 0, at most [`Clock::RATE_MAX`]. A paused clock stays so, and resumes at it.
    pub fn set_rate(&self, rate: f64) -> Result<(), ClockProblem> {
        self.change(|course, now| course.set_rate(rate, now))
    }

    /// All or nothing; wakes who waits if anything.
    fn change(
        &self,
        change: impl FnOnce(&mut Course, Instant) -> Result<(), ClockProblem>,
    ) -> Result<(), ClockProblem> {
        let Kind::Virtual(course) = &self.0 else {
            return Err(ClockProblem::Machine);
        };
        let mut result = Ok(());
        course.send_if_modified(|course| {
            result = change(course, Instant::now());
            result.is_ok()
        });
        result
    }
}

async fn sleep_until_on(course: &watch::Sender<Course>, time: Timestamp) {
    let mut changes = course.subscribe();
    loop {
        let wait = changes.borrow_and_update().wait(time, Instant::now());
        match wait {
            Some(Duration::ZERO) => return,
            Some(wait) => tokio::select! {
                () = sleep(wait) => {}
                _ = changes.changed() => {}
            },
            None => {
                let _ = changes.changed().await;
            }
        }
    }
}

/// Looks again from time to time, because the machine's clock may be set.
async fn sleep_until_by_the_machine(time: Timestamp) {
    while let Ok(wait) = Duration::try_from(time.duration_since(Timestamp::now()))
        && !wait.is_zero()
    {
        sleep(wait.min(LOOK_EVERY)).await;
    }
}

fn later(time: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

const LOOK_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
