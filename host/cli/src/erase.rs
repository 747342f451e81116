//! `rbm erase`: forgets a person.

use crate::ask::path;
use crate::exit::Failure;
use crate::gateway::Gateway;
use crate::listing::Form;
use reqwest::Method;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Whose number it is: everything about it goes, but that it wants no messages.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let gateway = Gateway::at(&arguments.form.gateway)?;
    let erased = gateway
        .ask(gateway.request(Method::DELETE, &path(["people", &arguments.phone])))
        .await?;
    Ok(arguments.form.print(&erased)?)
}
