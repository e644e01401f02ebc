//! Threads that send, and events that are done by them.

use std::thread;

use tokio::sync::oneshot;

use super::*;

impl Talk {
    /// Waits until the conversation has nothing to do; how often it has had its turn.
    async fn at_rest(&self) -> usize {
        loop {
            let turns = self.turns.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.turns.load(Ordering::Relaxed) == turns {
                return turns;
            }
        }
    }
}

#[tokio::test]
async fn what_a_thread_sends_goes_out_without_the_conversation() {
    let mut talk = Talk::begin(Limits::default()).await;
    let turns = talk.at_rest().await;
    let session = talk.session.clone();
    thread::spawn(move || session.try_send_text("from a thread")).join().unwrap().unwrap();
    talk.expect(0x81, "from a thread").await;
    assert_eq!(talk.at_rest().await, turns);
    // more is gathered by the conversation
    let session = talk.session.clone();
    thread::spawn(move || session.try_send_text("and more")).join().unwrap().unwrap();
    talk.expect(0x81, "and more").await;
    assert!(talk.at_rest().await > turns);
    talk.say("a client").await;
    talk.expect(0x81, "a client").await;
}

#[tokio::test]
async fn messages_of_a_thread_keep_their_order_whoever_writes_them() {
    const MESSAGES: u32 = 5_000;
    let mut talk = Talk::begin(Limits::default().websocket_queue(50_000)).await;
    let session = talk.session.clone();
    let sender = thread::spawn(move || {
        for number in 0..MESSAGES {
            let mut message = vec![0; number as usize % 3_000];
            message.extend_from_slice(&number.to_be_bytes());
            while session.try_send_binary(message.clone()).is_err() {
                thread::yield_now();
            }
        }
    });
    for number in 0..MESSAGES {
        let (first, payload) = talk.receive().await.unwrap();
        let length = number as usize % 3_000;
        assert_eq!((first, payload.len(), &payload[length..]), (0x82, length + 4, &number.to_be_bytes()[..]));
    }
    sender.join().unwrap();
}

/// Has its events done by others: each message waits for somebody to answer it.
#[derive(Default)]
struct Elsewhere(Mutex<Vec<(String, oneshot::Sender<()>)>>);

impl WebsocketHandler for Elsewhere {
    fn on_text_message<'a>(&'a self, _: &'a WebsocketSession, message: String) -> Event<'a> {
        let (done, waits) = oneshot::channel();
        self.0.lock().unwrap().push((message, done));
        Event::elsewhere(async move { waits.await.map_err(|_| SendError::Closed.into()) })
    }
}

impl Elsewhere {
    /// The next message that has been told, and what ends its event.
    async fn told(&self) -> (String, oneshot::Sender<()>) {
        loop {
            let told = self.0.lock().unwrap().pop();
            match told {
                Some(told) => return told,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
}

#[tokio::test]
async fn the_end_of_an_event_elsewhere_wakes_nobody_unless_something_waits_for_it() {
    let handler = Arc::new(Elsewhere::default());
    let mut talk = Talk::begin_of(Limits::default(), "", handler.clone()).await;
    talk.say("first").await;
    let (first, done) = handler.told().await;
    let turns = talk.at_rest().await;
    done.send(()).unwrap();
    assert_eq!((first.as_str(), talk.at_rest().await), ("first", turns));
    talk.say("second").await;
    let (second, done) = handler.told().await;
    talk.say("third").await;
    let turns = talk.at_rest().await;
    assert!(handler.0.lock().unwrap().is_empty(), "one at a time");
    done.send(()).unwrap();
    let (third, done) = handler.told().await;
    assert_eq!((second.as_str(), third.as_str()), ("second", "third"));
    assert!(talk.at_rest().await > turns);
    // the end of the client waits for the event as well
    drop(talk.client);
    assert!(!talk.conversation.is_finished());
    done.send(()).unwrap();
    talk.conversation.await.unwrap();
}

#[tokio::test]
async fn an_event_elsewhere_that_outlives_the_connection_is_waited_for() {
    let handler = Arc::new(Elsewhere::default());
    let hour = Duration::from_secs(3600);
    let limits = Limits::default().websocket_queue(100_000);
    let limits = limits.websocket_close_timeout(hour).websocket_send_timeout(hour);
    let mut talk = Talk::begin_of(limits, "", handler.clone()).await;
    talk.say("go on").await;
    let (_, done) = handler.told().await;
    // a message that is broken off leaves nothing that could be sent, which shows when it is to be written
    let TemporaryFile(file, _) = temporary_file(20_000_000);
    let (session, path) = (talk.session.clone(), file.path().to_owned());
    let sending = tokio::spawn(async move { session.send_file(path).await });
    assert_eq!(talk.client.read_u8().await.unwrap(), 0x82);
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    talk.at_rest().await;
    assert!(!talk.conversation.is_finished());
    done.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), talk.conversation).await.unwrap().unwrap();
}
