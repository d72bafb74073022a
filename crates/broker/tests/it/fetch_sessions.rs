//! Fetch sessions, in every version that has them.

use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::fetch::{FetchRequest, FetchResponse, ForgottenTopic};
use headwater_wire::messages::metadata::MetadataRequest;
use tokio::net::TcpStream;

use crate::harness::{Client, Server, batch, fetch_request, values};

/// Topics by name or, from version 13 on, by id.
struct Reader {
    client: Client<TcpStream>,
    version: i16,
    id: Uuid,
    session: (i32, i32),
}

impl Reader {
    async fn new(server: &Server, version: i16) -> Self {
        let mut client = server.client().await;
        let described = client.call(12, &MetadataRequest { topics: None, ..Default::default() }).await;
        let id = described.topics.iter().find(|topic| topic.name.as_deref() == Some("t")).unwrap().topic_id;
        Self { client, version, id, session: (0, 0) }
    }

    fn request(&self, asks: &[(i32, i64)]) -> FetchRequest {
        let mut request = fetch_request("t", 0, 0, 0);
        let template = request.topics[0].partitions[0].clone();
        request.topics[0].topic_id = self.id;
        request.topics[0].partitions.clear();
        for (partition, from) in asks {
            let mut ask = template.clone();
            (ask.partition, ask.fetch_offset) = (*partition, *from);
            request.topics[0].partitions.push(ask);
        }
        if asks.is_empty() {
            request.topics.clear();
        }
        (request.session_id, request.session_epoch) = self.session;
        request
    }

    async fn send(&mut self, request: &FetchRequest) -> FetchResponse {
        let response = self.client.call(self.version, request).await;
        if response.error_code == 0 {
            self.session = (response.session_id, self.session.1 + 1);
        }
        response
    }

    async fn read(&mut self, asks: &[(i32, i64)]) -> Vec<(i32, Vec<String>)> {
        let request = self.request(asks);
        let response = self.send(&request).await;
        assert_eq!(response.error_code, 0);
        let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
        partitions.map(|data| (data.partition_index, values(data))).collect()
    }
}

fn said(partition: i32, values: &[&str]) -> (i32, Vec<String>) {
    (partition, values.iter().map(|value| (*value).to_owned()).collect())
}

#[tokio::test]
async fn after_the_first_answer_only_news_is_sent() {
    let server = Server::start().await;
    let mut writer = server.client().await;
    writer.create("t", 3, &[]).await;
    for version in 7..=18 {
        let mut reader = Reader::new(&server, version).await;
        let mut end = [0; 3];
        for partition in 0..3 {
            end[partition as usize] = writer.offset("t", partition, -1).await.offset;
        }
        let first = reader.read(&[(0, end[0]), (1, end[1]), (2, end[2])]).await;
        assert_eq!(first, [said(0, &[]), said(1, &[]), said(2, &[])], "v{version}");
        assert_ne!(reader.session.0, 0);
        assert_eq!(reader.read(&[]).await, [], "nothing is new");
        writer.produce_value("t", 1, "a").await;
        assert_eq!(reader.read(&[]).await, [said(1, &["a"])]);
        writer.produce_value("t", 0, "b").await;
        let next = reader.read(&[(1, end[1] + 1)]).await;
        assert_eq!(next, [said(0, &["b"])]);

        let forgotten = ForgottenTopic { topic: "t".to_owned(), topic_id: reader.id, partitions: vec![0, 1] };
        let mut request = reader.request(&[]);
        request.forgotten_topics_data = vec![forgotten];
        assert!(reader.send(&request).await.responses.is_empty());
        writer.produce_value("t", 0, "c").await;
        writer.produce_value("t", 2, "d").await;
        assert_eq!(reader.read(&[]).await, [said(2, &["d"])]);

        reader.session.1 = 0;
        let response = reader.send(&{ reader.request(&[(0, end[0])]) }).await;
        assert_ne!(response.session_id, 0, "a new one in the place of the old one");
        reader.session.1 = -1;
        let last = reader.send(&{ reader.request(&[(0, end[0])]) }).await;
        assert_eq!((last.session_id, last.responses.len()), (0, 1), "ended");
    }
}

#[tokio::test]
async fn unknown_sessions_wrong_epochs_and_mixed_names_are_refused() {
    let server = Server::with(|config| config.limits.max_fetch_sessions = 1).await;
    let mut writer = server.client().await;
    writer.create("t", 1, &[]).await;
    let mut reader = Reader::new(&server, 12).await;
    reader.read(&[(0, 0)]).await;
    let (id, _) = reader.session;
    let mut code = async |version: i16, session: (i32, i32)| {
        (reader.version, reader.session) = (version, session);
        let request = reader.request(&[]);
        let response = reader.send(&request).await;
        assert!(response.responses.is_empty());
        ErrorCode::from_code(response.error_code)
    };
    assert_eq!(code(12, (id ^ 1, 1)).await, ErrorCode::FetchSessionIdNotFound);
    assert_eq!(code(12, (id, 2)).await, ErrorCode::InvalidFetchSessionEpoch);
    assert_eq!(code(13, (id, 1)).await, ErrorCode::FetchSessionTopicIdError);
    assert_eq!(code(12, (id, 1)).await, ErrorCode::None);

    let mut other = Reader::new(&server, 12).await;
    other.read(&[(0, 0)]).await;
    assert_eq!(other.session.0, 0, "there is room for one session only; it is served without");
}

#[tokio::test]
async fn a_waiting_session_is_woken_by_any_of_its_partitions() {
    let server = Server::start().await;
    let mut writer = server.client().await;
    writer.create("t", 100, &[]).await;
    let mut reader = Reader::new(&server, 18).await;
    reader.read(&(0..100).map(|partition| (partition, 0)).collect::<Vec<_>>()).await;
    let mut request = reader.request(&[]);
    request.max_wait_ms = 15_000;
    reader.client.send(18, &request).await;
    let produced = writer.produce("t", 73, batch(&["news"])).await;
    assert_eq!(produced.error_code, 0);
    let (_, response) = reader.client.receive::<FetchRequest>(18).await;
    let told: Vec<_> = response.responses[0].partitions.iter().map(|data| data.partition_index).collect();
    assert_eq!(told, [73]);
}
