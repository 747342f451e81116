//! What all lists of a gateway have in common: a page of them, as a table for people or a line each for programs.

use crate::exit::Failure;
use crate::gateway::{Address, Gateway};
use crate::output;
use crate::table::{self, Column};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// Which page, and how.
#[derive(clap::Args)]
pub(crate) struct Listing {
    /// Begins after this one, as the page before it says.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    #[command(flatten)]
    form: Form,
}

/// From where, and as what.
#[derive(clap::Args)]
pub(crate) struct Form {
    #[command(flatten)]
    pub(crate) gateway: Address,
    /// Prints JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Form {
    /// One thing.
    pub(crate) fn print(&self, thing: &Value) -> anyhow::Result<()> {
        if self.json {
            output::line(thing)
        } else {
            table::print_one(thing)
        }
    }

    pub(crate) fn print_all(&self, columns: &[Column], things: &[Value]) -> anyhow::Result<()> {
        if self.json {
            things.iter().try_for_each(output::line)
        } else {
            table::print(columns, things)
        }
    }
}

impl Listing {
    /// Those under this name in the answer that fit.
    pub(crate) async fn print(
        &self,
        path: &str,
        name: &str,
        filters: &[(&str, Option<&String>)],
        columns: &[Column],
    ) -> Result<(), Failure> {
        self.print_as(path, name, filters, columns, Value::clone)
            .await
    }

    /// The same, where people are shown something else of each than programs.
    pub(crate) async fn print_as(
        &self,
        path: &str,
        name: &str,
        filters: &[(&str, Option<&String>)],
        columns: &[Column],
        shown: fn(&Value) -> Value,
    ) -> Result<(), Failure> {
        let answer = Gateway::at(&self.form.gateway)?
            .get(&format!("{path}?{}", self.query(filters)))
            .await?;
        let things = answer[name]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if self.form.json {
            self.form.print_all(columns, things)?;
        } else {
            let rows: Vec<Value> = things.iter().map(shown).collect();
            self.form.print_all(columns, &rows)?;
        }
        if let (true, Some(next)) = (
            things.len() as u64 >= self.limit.into(),
            answer["next"].as_str(),
        ) {
            eprintln!("there may be more: --after {}", next.escape_debug());
        }
        Ok(())
    }

    fn query(&self, filters: &[(&str, Option<&String>)]) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        for (name, value) in filters.iter().chain(&[("after", self.after.as_ref())]) {
            value.map(|value| query.append_pair(name, value));
        }
        query.finish()
    }
}
