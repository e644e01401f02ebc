//! The notices, in memory; their pictures, in a directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex as AsyncMutex, broadcast};
use vernal::prelude::*;

use crate::pages::now;

/// What somebody has put up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) topic: String,
    pub(crate) author: String,
    /// The name of its file in the directory of pictures.
    pub(crate) picture: Option<String>,
    /// Seconds since 1970.
    pub(crate) posted: u64,
    pub(crate) edited: Option<u64>,
}

/// What a notice can be about.
pub(crate) const TOPICS: [&str; 4] = ["for sale", "wanted", "events", "found"];

/// All notices. They are gone when the program ends, unless it was given a directory for them.
pub(crate) struct Board {
    pictures: PathBuf,
    file: Option<PathBuf>,
    writing: AsyncMutex<()>,
    notices: Mutex<BTreeMap<u64, Notice>>,
    news: broadcast::Sender<Notice>,
}

impl Board {
    /// A board with a few notices to begin with; nothing but pictures is written.
    pub(crate) fn in_memory(directory: &Path) -> Result<Self> {
        let board = Board::new(directory, None, BTreeMap::new())?;
        for (name, bytes) in seeds::PICTURES {
            std::fs::write(board.pictures.join(name), bytes)?;
        }
        board.lock().extend(seeds::notices().map(|notice| (notice.id, notice)));
        Ok(board)
    }

    /// A board that is written to this directory with each change, and read from it at start.
    pub(crate) fn in_directory(directory: &Path) -> Result<Self> {
        let file = directory.join("notices.json");
        if !file.exists() {
            let board = Board { file: Some(file), ..Board::in_memory(directory)? };
            std::fs::write(directory.join("notices.json"), board.as_json()?)?;
            return Ok(board);
        }
        let notices: Vec<Notice> = serde_json::from_slice(&std::fs::read(&file)?)?;
        Board::new(directory, Some(file), notices.into_iter().map(|notice| (notice.id, notice)).collect())
    }

    fn new(directory: &Path, file: Option<PathBuf>, notices: BTreeMap<u64, Notice>) -> Result<Self> {
        let pictures = directory.join("pictures");
        std::fs::create_dir_all(&pictures)?;
        let news = broadcast::Sender::new(16);
        let writing = AsyncMutex::default();
        Ok(Board { pictures, file, writing, notices: Mutex::new(notices), news })
    }

    /// Where the pictures are.
    pub(crate) fn pictures(&self) -> &Path {
        &self.pictures
    }

    /// The notices that contain all words, newest first.
    pub(crate) fn search(&self, words: &str, topic: Option<&str>) -> Vec<Notice> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let fits = |notice: &&Notice| {
            let text = format!("{} {} {}", notice.title, notice.text, notice.author).to_lowercase();
            topic.is_none_or(|topic| notice.topic == topic) && words.iter().all(|word| text.contains(word))
        };
        self.lock().values().rev().filter(fits).cloned().collect()
    }

    /// One notice; 404 if there is none (any more).
    pub(crate) fn notice(&self, id: u64) -> Result<Notice> {
        let gone =
            || HttpError::new(404).message("No such notice").explain("Perhaps it has been taken down.");
        Ok(self.lock().get(&id).cloned().ok_or_else(gone)?)
    }

    /// Puts up a new notice, whose identifier is chosen here, or changes one.
    pub(crate) async fn put(&self, mut notice: Notice) -> Result<Notice> {
        let is_new = notice.id == 0;
        {
            let mut notices = self.lock();
            if is_new {
                notice.id = notices.last_key_value().map_or(1, |(id, _)| id + 1);
            }
            notices.insert(notice.id, notice.clone());
        }
        self.save().await?;
        if is_new {
            // An error says that nobody is listening.
            let _ = self.news.send(notice.clone());
        }
        Ok(notice)
    }

    /// Takes a notice down.
    pub(crate) async fn remove(&self, id: u64) -> Result<()> {
        self.lock().remove(&id);
        self.save().await
    }

    /// Tells of new notices from now on.
    pub(crate) fn news(&self) -> broadcast::Receiver<Notice> {
        self.news.subscribe()
    }

    /// Keeps an uploaded picture under a name of its own; 400 if it is none.
    pub(crate) async fn keep_picture(&self, file: &MultipartFile) -> Result<String> {
        let no_picture = || HttpError::bad_request("A picture is a PNG, JPEG, GIF or WebP file.");
        let extension = extension_of(&file.bytes().await?).ok_or_else(no_picture)?;
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)?;
        let name = format!("{:016x}.{extension}", u64::from_ne_bytes(bytes));
        file.save_to(self.pictures.join(&name)).await?;
        Ok(name)
    }

    /// Removes a picture that no notice has any more.
    pub(crate) async fn drop_picture(&self, name: Option<&str>) {
        let Some(name) = name else { return };
        if let Err(error) = tokio::fs::remove_file(self.pictures.join(name)).await {
            tracing::warn!(%error, name, "a picture was not removed");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Notice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all notices, first beside the file and then over it, so that it is never half written.
    async fn save(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        // One after the other, each with all that has happened before it began.
        let _turn = self.writing.lock().await;
        let beside = file.with_extension("new");
        tokio::fs::write(&beside, self.as_json()?).await?;
        Ok(tokio::fs::rename(beside, file).await?)
    }

    fn as_json(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&self.lock().values().collect::<Vec<_>>())?)
    }
}

/// The kind of a picture, by its first bytes: what a client says of it proves nothing.
fn extension_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("png"),
        [0xff, 0xd8, 0xff, ..] => Some("jpg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("webp"),
        _ => None,
    }
}

/// What the board shows before anybody has posted.
mod seeds {
    use super::{Notice, now};

    pub(super) const PICTURES: [(&str, &[u8]); 3] = [
        ("bicycle.png", include_bytes!("../pictures/bicycle.png")),
        ("seedlings.png", include_bytes!("../pictures/seedlings.png")),
        ("picnic.png", include_bytes!("../pictures/picnic.png")),
    ];

    pub(super) fn notices() -> impl Iterator<Item = Notice> {
        [
            (
                "Piano lessons",
                "Beginners of any age are welcome. First lesson for a cup of tea.",
                "wanted",
                "Cleo",
                None,
                9 * 24,
            ),
            (
                "A single glove",
                "Grey wool, left hand, found by the fountain on Sunday.",
                "found",
                "Ben",
                None,
                3 * 24,
            ),
            (
                "Bicycle, hardly used",
                "Three gears, new tyres, a bell that is heard two streets away. 80 or the best offer.",
                "for sale",
                "Ann",
                Some("bicycle.png"),
                26,
            ),
            (
                "Picnic in the park",
                "Saturday from noon at the old oak. Bring something to share, and a blanket.",
                "events",
                "Cleo",
                Some("picnic.png"),
                7,
            ),
            (
                "Tomato seedlings to give away",
                "Twelve strong ones, three kinds. They want sun, and a home before the weekend.",
                "for sale",
                "Ben",
                Some("seedlings.png"),
                2,
            ),
        ]
        .into_iter()
        .zip(1..)
        .map(|((title, text, topic, author, picture, hours), id)| Notice {
            id,
            title: title.to_owned(),
            text: text.to_owned(),
            topic: topic.to_owned(),
            author: author.to_owned(),
            picture: picture.map(str::to_owned),
            posted: now() - hours * 3600,
            edited: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> (tempfile::TempDir, Board) {
        let directory = tempfile::tempdir().expect("a directory");
        let board = Board::in_memory(directory.path()).expect("a board");
        (directory, board)
    }

    #[test]
    fn a_search_wants_all_words_and_the_topic() {
        let (_directory, board) = board();
        let titles = |words, topic| {
            board.search(words, topic).into_iter().map(|notice| notice.title).collect::<Vec<_>>()
        };
        assert_eq!(titles("BELL bicycle", None), ["Bicycle, hardly used"]);
        assert_eq!(titles("bell piano", None), [""; 0]);
        assert_eq!(titles("", Some("events")), ["Picnic in the park"]);
    }

    #[tokio::test]
    async fn a_board_in_a_directory_is_there_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let before = Board::in_directory(directory.path()).expect("a board");
        before.remove(1).await.expect("removed");
        let after = Board::in_directory(directory.path()).expect("the same board");
        assert_eq!(after.search("", None), before.search("", None));
    }

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        assert_eq!(extension_of(b"\x89PNG\r\n\x1a\n..."), Some("png"));
        assert_eq!(extension_of(b"<svg onload=alert(1)>"), None);
    }
}
