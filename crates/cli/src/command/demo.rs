//! `headwater demo <name>`: a reference application, live on this terminal.

mod board;
mod causes;
mod flights;
mod place;
mod screen;
mod topic;

use crate::arguments::Demo;

pub(super) async fn run(demo: Demo) -> anyhow::Result<()> {
    match demo {
        Demo::Flights(arguments) => flights::run(arguments).await,
        Demo::Causes(arguments) => causes::run(arguments).await,
    }
}
