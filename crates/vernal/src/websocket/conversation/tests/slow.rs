//! Clients that read slowly, or not at all.

use tokio::io::duplex;

use super::*;

/// Sends as much as is taken without waiting; the last answer.
async fn fill(session: &WebsocketSession, message: &[u8]) -> (usize, Error) {
    let (mut sent, mut refused) = (0, 0);
    loop {
        match session.try_send_binary(message) {
            Ok(()) => (sent, refused) = (sent + 1, 0),
            Err(error) if refused == 10 => return (sent, error),
            Err(_) => refused += 1,
        }
        // lets the conversation write as much as the system takes, which may make up its mind late
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_slow_reader_is_waited_for_and_what_must_not_wait_fails() {
    let mut talk = Talk::begin(Limits::default().websocket_queue(100_000)).await;
    let message = vec![1; 50_000];
    let (sent, full) = fill(&talk.session, &message).await;
    assert_eq!(full.to_string(), "the client leaves too much unread");
    let waiting = tokio::spawn({
        let session = talk.session.clone();
        async move { session.send_text("at last").await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    for _ in 0..sent {
        talk.expect(0x82, &message).await;
    }
    talk.expect(0x81, "at last").await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut() {
    let talk = Talk::begin(quick().websocket_queue(100_000)).await;
    while talk.session.send_binary(vec![1; 50_000]).await.is_ok() {}
    assert_eq!(talk.log_of_connected().await.last().unwrap(), VANISHED);
}

#[tokio::test]
async fn a_conversation_rests_while_its_client_reads_nothing() {
    let talk = Talk::begin(Limits::default().websocket_queue(200_000)).await;
    fill(&talk.session, &vec![1; 50_000]).await;
    let turns = || talk.turns.load(Ordering::Relaxed);
    for _ in 0..10_000 {
        let before = turns();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        if turns() == before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it had {} turns and does not rest", turns());
}

#[tokio::test]
async fn a_client_that_reads_a_little_now_and_then_is_cut() {
    let limits = quick().write_rate(1_000_000_000);
    let request = WebsocketRequest::new(Request::new("GET", "/talk"));
    let session = WebsocketSession::new(request, &limits, None);
    let (mut client, server) = duplex(1000);
    let (handler, drain) = (Arc::new(Scripted::default()), Drain::new(1, Duration::from_secs(20)));
    let conversation = tokio::spawn(converse(server, Bytes::new(), session.clone(), handler, drain));
    session.send_binary(vec![1; 1_000_000]).await.unwrap();
    let mut read = 0;
    // each byte makes room for another one, long before the time without any is over
    while client.read_u8().await.is_ok() {
        read += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    conversation.await.unwrap();
    assert!(read < 1_000_000);
}
