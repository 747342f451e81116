//! Everything that is done to a store in one life of it and the next, the same each time, and what was answered.

use crate::kept::Acknowledged;
use crate::made::{PHONE, at, event, message};
use gateway_channel::Fact as Heard;
use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::quarantine::{Quarantine, Quarantined};
use rbm_gateway::store::retention::Retention;
use rbm_gateway::store::tester::{NewTester, TesterQuota};
use rbm_gateway::store::{Accepted, Entry, Settlement, Store, StoreProblem, Upload};
use rbm_sqlite::{Durability, SqliteStore};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    Open,
    Close,
    Accept(u8),
    Deliver(u8),
    Claim,
    Settle,
    Withdraw(u8),
    Note(u8),
    Quarantine(u8),
    Upload(u8),
    Invite(u8),
    Answer(u8),
    /// What the store's own thread does twice a second.
    Tidy,
    Read,
    /// A hundred days later, so that some of what is here goes.
    Prune,
    /// Everybody here has the same number.
    Erase,
}

/// Two lives, in the second of which somebody is forgotten. What was heard of message 7 comes before it.
pub(crate) const SCRIPT: [Step; 34] = {
    use Step::{
        Accept, Answer, Claim, Close, Deliver, Erase, Invite, Note, Open, Prune, Quarantine, Read,
        Settle, Tidy, Upload, Withdraw,
    };
    #[rustfmt::skip]
    let steps = [
        Open, Accept(1), Accept(2), Deliver(7), Claim, Settle, Deliver(1), Tidy, Quarantine(1), Upload(1),
        Invite(1), Answer(1), Read, Accept(3), Withdraw(3), Close,
        Open, Read, Accept(7), Accept(4), Claim, Tidy, Settle, Note(2), Deliver(2), Quarantine(2), Prune,
        Deliver(4), Erase, Accept(5), Claim, Deliver(5), Quarantine(3), Close,
    ];
    steps
};

/// Fills more of the log than one piece of the shared memory can index.
pub(crate) const LARGE: Step = Step::Quarantine(9);

/// Somebody who does one step after the other and remembers what was answered.
pub(crate) struct Actor {
    directory: PathBuf,
    durability: Durability,
    pub(crate) store: Option<SqliteStore>,
    pub(crate) acknowledged: Acknowledged,
    /// What may be there twice where the first answer was an error: reasons of quarantine, names of files; and testers.
    pub(crate) others: BTreeSet<String>,
    /// What was removed, and whose removal was acknowledged.
    gone: Acknowledged,
    second: i64,
    lent: Vec<(String, u32)>,
}

impl Actor {
    pub(crate) fn new(directory: PathBuf, durability: Durability) -> Self {
        let (acknowledged, others, gone, lent) = Default::default();
        Self {
            directory,
            durability,
            store: None,
            acknowledged,
            others,
            gone,
            second: 0,
            lent,
        }
    }

    /// An error if anything of it was answered with one.
    pub(crate) async fn apply(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Open if self.store.is_none() => {
                let opened = SqliteStore::open_with(&self.directory, self.durability);
                self.store = Some(opened.map_err(|problem| problem.to_string())?);
                Ok(())
            }
            Step::Open => Ok(()),
            Step::Close => {
                self.store = None;
                Ok(())
            }
            Step::Tidy => {
                let database = Connection::open(self.directory.join("gateway.db"));
                let tidied = database.and_then(|database| {
                    database.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                });
                tidied.map_err(|problem| problem.to_string())
            }
            _ => match self.store.take() {
                Some(store) => {
                    let answer = self.ask(&store, step).await;
                    self.store = Some(store);
                    answer.map_err(|problem| problem.to_string())
                }
                None => Err("there is no store".to_owned()),
            },
        }
    }

    async fn ask(&mut self, store: &SqliteStore, step: Step) -> Result<(), StoreProblem> {
        match step {
            Step::Accept(number) => {
                assert_ne!(
                    store.accept(message(&name(number), 1)).await?,
                    Accepted::Conflict
                );
                self.acknowledged.fact(&name(number), Fact::Queued);
            }
            Step::Deliver(number) => {
                let name = name(number);
                store
                    .ingest(vec![event(&name, Heard::Delivered(name.clone()))])
                    .await?;
                self.acknowledged.events.insert(name.clone());
                if store.message(&name).await?.is_some() {
                    self.acknowledged.fact(&name, Fact::Delivered);
                }
            }
            Step::Claim => {
                self.second += 60;
                for claimed in store
                    .claim(
                        at(self.second),
                        Duration::from_secs(30),
                        &[Share::any("demo", 2)],
                    )
                    .await?
                    .lent
                {
                    self.acknowledged.fact(&claimed.message.id, Fact::Sending);
                    self.lent.push((claimed.message.id, claimed.attempt));
                }
            }
            Step::Settle => {
                for (id, attempt) in self.lent.clone() {
                    let entry = Entry {
                        at: at(1),
                        fact: Fact::Accepted,
                        attempt: Some(attempt),
                        reason: None,
                        detail: None,
                    };
                    store
                        .settle(
                            &id,
                            attempt,
                            Settlement {
                                entry: Some(entry),
                                retry_at: None,
                                ..Settlement::default()
                            },
                        )
                        .await?;
                    self.acknowledged.fact(&id, Fact::Accepted);
                }
                self.lent.clear();
            }
            Step::Withdraw(number) => {
                store.withdraw(&name(number), at(2)).await?;
                self.acknowledged.fact(&name(number), Fact::RevokeRequested);
            }
            Step::Note(number) => {
                let entry = Entry {
                    at: at(3),
                    fact: Fact::RevokeFailed,
                    attempt: None,
                    reason: None,
                    detail: None,
                };
                store.note(&name(number), entry).await?;
                self.acknowledged.fact(&name(number), Fact::RevokeFailed);
            }
            Step::Prune | Step::Erase => return self.remove(store, step).await,
            _ => return self.ask_of_ledgers(store, step).await,
        }
        Ok(())
    }

    /// From the attempt on, nobody can say that it is there; from the answer on, that it is not.
    async fn remove(&mut self, store: &SqliteStore, step: Step) -> Result<(), StoreProblem> {
        let mut going = Acknowledged {
            events: std::mem::take(&mut self.acknowledged.events),
            ..Acknowledged::default()
        };
        if step == Step::Erase {
            going.facts = std::mem::take(&mut self.acknowledged.facts);
            self.lent.clear();
            store.erase(PHONE).await?;
        } else {
            self.others.retain(|what| !what.starts_with("quarantined"));
            let retention = Retention {
                messages_days: u32::MAX,
                ..Retention::default()
            };
            while store.prune(at(100 * 86_400), &retention).await?.more {}
        }
        self.gone.extend(going);
        Ok(())
    }

    async fn ask_of_ledgers(
        &mut self,
        store: &SqliteStore,
        step: Step,
    ) -> Result<(), StoreProblem> {
        match step {
            Step::Quarantine(number) => {
                let (path, rule) = ("/".to_owned(), "rule".to_owned());
                let body = vec![number; if step == LARGE { 34 << 20 } else { 6_000 }];
                store
                    .quarantine(Quarantined {
                        at: at(4),
                        path,
                        rule,
                        reason: name(number),
                        headers: None,
                        body_bytes: body.len() as u64,
                        body,
                    })
                    .await?;
                self.others.insert(format!("quarantined {}", name(number)));
            }
            Step::Upload(number) => {
                let (agent, what) = ("demo".to_owned(), "image/png".to_owned());
                store
                    .keep_upload(Upload {
                        agent,
                        name: name(number),
                        what,
                        at: at(5),
                        expires_at: None,
                    })
                    .await?;
                self.others.insert(format!("upload {}", name(number)));
            }
            Step::Invite(number) => {
                let tester = NewTester {
                    agent: "demo".into(),
                    phone: name(number),
                    at: at(6),
                };
                store
                    .count_tester(
                        tester,
                        TesterQuota {
                            per_day: 9,
                            total: 9,
                        },
                    )
                    .await?;
                self.others.insert(format!("tester {} None", name(number)));
            }
            Step::Answer(number) => {
                store
                    .settle_tester("demo", &name(number), Some("yes".to_owned()))
                    .await?;
                // Nothing is noted of somebody who was not invited.
                if self.others.remove(&format!("tester {} None", name(number))) {
                    self.others
                        .insert(format!("tester {} Some(\"yes\")", name(number)));
                }
            }
            Step::Read => read(store).await?,
            _ => unreachable!("{step:?} is none of a ledger's"),
        }
        Ok(())
    }

    /// What was acknowledged and is not there.
    pub(crate) async fn missing(&self) -> Vec<String> {
        let store = SqliteStore::open_with(&self.directory, self.durability).unwrap();
        let mut missing = self.acknowledged.missing(&store).await;
        missing.extend(
            self.gone
                .found(&store)
                .await
                .into_iter()
                .map(|what| format!("{what}, which was removed")),
        );
        let mut there: BTreeSet<String> = BTreeSet::new();
        there.extend(
            store
                .quarantined(None, 10_000)
                .await
                .unwrap()
                .iter()
                .map(|it| format!("quarantined {}", it.request.reason)),
        );
        there.extend(
            store
                .uploads("demo", at(0))
                .await
                .unwrap()
                .iter()
                .map(|it| format!("upload {}", it.name)),
        );
        for tester in store.testers("demo").await.unwrap() {
            assert!(
                there.insert(format!("tester {} {:?}", tester.phone, tester.answer)),
                "twice: {tester:?}"
            );
            if tester.answer.is_some() {
                there.insert(format!("tester {} None", tester.phone));
            }
        }
        missing.extend(self.others.difference(&there).cloned());
        missing
    }
}

/// Something of everything.
pub(crate) async fn read(store: &SqliteStore) -> Result<(), StoreProblem> {
    store.message("m1").await?;
    store.read(None, 10).await?;
    store.next_due(&[Share::any("demo", 1)]).await?;
    store.quarantined(None, 10_000).await?;
    Ok(())
}

fn name(number: u8) -> String {
    format!("m{number}")
}
