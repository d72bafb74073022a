//! Publishes greetings: `cargo run -p headwater --example produce [BOOTSTRAP [TOPIC]]`, with `headwater up` running.

use headwater::client::admin::NewTopic;
use headwater::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bootstrap = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let topic = TopicName::new(&arguments.next().unwrap_or_else(|| "greetings".to_owned()))?;

    let client = Client::connect(ClientConfig::new([bootstrap])).await?;
    match client.admin().create_topic(NewTopic::new(topic.clone(), 3)).await {
        Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => {}
        outcome => outcome?,
    }

    // Idempotent by default: a repeated request writes no record twice and changes no order.
    let producer = client.producer(ProducerConfig::default());
    let mut deliveries = Vec::new();
    for name in ["Ada", "Grace", "Edsger", "Barbara"] {
        let value = format!("hello, {name}");
        let record = ProducerRecord::new(&topic, value.as_bytes()).key(name.as_bytes());
        // Taken into a batch; what becomes of it is told by the delivery.
        deliveries.push((name, producer.send(record).await?));
    }
    for (name, delivery) in deliveries {
        let written = delivery.await?;
        println!("{name} is at offset {} of {}", written.offset, written.topic_partition);
    }
    producer.close().await?;
    Ok(())
}
