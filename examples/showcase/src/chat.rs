//! A chat: every window that has its page open is in a room.

use std::sync::atomic::{AtomicU32, Ordering};

use vernal::prelude::*;

use crate::account;
use crate::pages::{Page, context};

const ROOMS: [&str; 3] = ["garden", "kitchen", "workshop"];
const LONGEST_MESSAGE: usize = 500;

#[route("/chat", method = "GET")]
async fn first_room() -> Redirect {
    Redirect::to(format!("/chat/{}", ROOMS[0]))
}

#[route("/chat/{room}", method = "GET")]
async fn page(room: &str, page: Page) -> Result<String> {
    let room = known(room)?;
    page.render("chat.html", context! { room, rooms => ROOMS })
}

fn known(room: &str) -> Result<&'static str, HttpError> {
    let found = ROOMS.into_iter().find(|name| *name == room);
    found.ok_or_else(|| HttpError::new(404).explain("There is no such room."))
}

/// One for all connections; the name of who is on the other side is attached to each.
#[derive(Default)]
struct Chat {
    guests: AtomicU32,
}

struct Name(String);

// show: chat
#[websocket_handler("/chat/{room}/live")]
impl WebsocketHandler for Chat {
    async fn on_handshake(&self, room: &str) -> Result<Handshake> {
        known(room)?;
        Ok(Handshake::accept())
    }

    async fn on_open(
        &self,
        session: &WebsocketSession,
        visitor: Option<Session>,
        room: &str,
        rooms: Rooms,
    ) -> Result<()> {
        let guest = || format!("Guest {}", self.guests.fetch_add(1, Ordering::Relaxed) + 1);
        let name = visitor.and_then(|visitor| account::visitor(&visitor)).unwrap_or_else(guest);
        session.join(room)?;
        tell(&rooms, room, &name, "came", "moved");
        session.attach(Name(name));
        Ok(())
    }

    async fn on_text_message(&self, session: &WebsocketSession, room: &str, rooms: Rooms, message: &str) {
        let text: String = message.chars().take(LONGEST_MESSAGE).collect();
        if let Some(name) = session.attached::<Name>() {
            tell(&rooms, room, &name.0, &text, "said");
        }
    }

    async fn on_close(&self, session: &WebsocketSession, room: &str, rooms: Rooms) {
        session.leave(room);
        if let Some(name) = session.attached::<Name>() {
            tell(&rooms, room, &name.0, "left", "moved");
        }
    }
}

fn tell(rooms: &Rooms, room: &str, who: &str, text: &str, kind: &str) {
    let room = rooms.get(room);
    room.send_text(json!({"who": who, "text": text, "kind": kind, "members": room.len()}).to_string());
}
// end
