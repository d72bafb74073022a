//! Topics come and go.

use headwater_client::admin::NewTopic;
use headwater_client::{AdminError, Client};
use headwater_model::TopicName;

/// Which topic to make.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Create {
    #[arg(long)]
    pub(crate) topic: String,
    #[arg(long)]
    pub(crate) partitions: i32,
}

/// Which topics to remove.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    #[arg(long)]
    beginning: String,
}

pub(crate) async fn create(client: &Client, what: &Create) -> anyhow::Result<()> {
    let topic = NewTopic::new(TopicName::new(&what.topic)?, what.partitions);
    Ok(client.admin().create_topic(topic).await?)
}

pub(crate) async fn delete(client: &Client, which: &Delete) -> anyhow::Result<()> {
    let all = client.admin().list_topics().await?.into_iter().map(|topic| topic.name);
    let found: Vec<TopicName> = all.filter(|name| name.as_str().starts_with(&which.beginning)).collect();
    for deleted in client.admin().delete_topics(&found).await.into_values() {
        match deleted {
            // Gone is what it should be: a first try may have been answered too late.
            Ok(()) | Err(AdminError::NoSuchTopic(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
