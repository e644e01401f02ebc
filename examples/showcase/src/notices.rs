//! The pages of the notice board.

use tokio_stream::StreamExt;
use tokio_stream::wrappers::BroadcastStream;
use vernal::prelude::*;

use crate::account::SignedIn;
use crate::board::{Board, Notice, TOPICS};
use crate::pages::{Page, context, now};

const NOTICES_A_PAGE: usize = 6;
const PICTURE_LIMIT: u64 = 4 * MB as u64;

#[route("/board", method = "GET")]
async fn list(
    page: Page,
    board: State<Board>,
    #[default("")] q: &str,
    topic: Option<&str>,
    #[param("page")]
    #[default(1)]
    number: usize,
) -> Result<String> {
    let topic = topic.filter(|topic| !topic.is_empty());
    let found = board.search(q, topic);
    let count = found.len();
    let pages = count.div_ceil(NOTICES_A_PAGE).max(1);
    let number = number.clamp(1, pages);
    let notices: Vec<Notice> =
        found.into_iter().skip((number - 1) * NOTICES_A_PAGE).take(NOTICES_A_PAGE).collect();
    page.render("board.html", context! { notices, count, q, topic, topics => TOPICS, number, pages })
}

#[route("/board/{id}", method = "GET")]
async fn show(id: u64, page: Page, board: State<Board>) -> Result<String> {
    let notice = board.notice(id)?;
    let is_mine = page.is_of(&notice.author);
    page.render("notice.html", context! { notice, is_mine })
}

#[route("/board/new", method = "GET")]
async fn new_form(page: Page) -> Result<String> {
    page.render("form.html", context! { topics => TOPICS })
}

/// What the form of a notice sends.
#[derive(vernal::Model)]
struct Draft {
    title: String,
    text: String,
    #[default("")]
    topic: String,
    picture: Option<MultipartFile>,
}

impl Draft {
    /// What is wrong with it, for the person who wrote it.
    fn problem(&self) -> Option<&'static str> {
        match self {
            _ if self.title.trim().is_empty() => Some("A notice needs a title."),
            _ if self.text.trim().is_empty() => Some("A notice needs a text."),
            _ if self.title.chars().count() > 80 => Some("The title may have 80 characters."),
            _ if self.text.chars().count() > 2000 => Some("The text may have 2000 characters."),
            _ if !TOPICS.contains(&self.topic.as_str()) => Some("Please choose one of the topics."),
            _ if self.picture.as_ref().is_some_and(|picture| picture.len() > PICTURE_LIMIT) => {
                Some("The picture may have 4 MB.")
            }
            _ => None,
        }
    }

    /// The picture that was chosen, kept; a form without one sends an empty file.
    async fn keep_picture(&self, board: &Board) -> Result<Option<String>> {
        match &self.picture {
            Some(picture) if !picture.is_empty() => board.keep_picture(picture).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The form again, with what is wrong.
    fn again(&self, page: &Page, problem: &str, id: Option<u64>) -> Result<Response> {
        let Draft { title, text, topic, .. } = self;
        let notice = context! { title, text, topic, id };
        let html = page.render("form.html", context! { notice, problem, topics => TOPICS })?;
        Ok(Response::new(422).body(html))
    }
}

#[route("/board", method = "POST")]
async fn post(draft: Draft, page: Page, author: SignedIn, board: State<Board>) -> Result<Response> {
    if let Some(problem) = draft.problem() {
        return draft.again(&page, problem, None);
    }
    let picture = draft.keep_picture(&board).await?;
    let Draft { title, text, topic, .. } = draft;
    let notice = Notice { id: 0, title, text, topic, author: author.0, picture, posted: now(), edited: None };
    let notice = board.put(notice).await?;
    Redirect::see_other(format!("/board/{}", notice.id)).into_response()
}

/// The notice, if it is this visitor's own.
fn own_notice(board: &Board, id: u64, visitor: &SignedIn) -> Result<Notice> {
    let notice = board.notice(id)?;
    if notice.author != visitor.0 {
        let explain = format!("Only {} can change this notice.", notice.author);
        return Err(HttpError::new(403).message("Not your notice").explain(explain).into());
    }
    Ok(notice)
}

#[route("/board/{id}/edit", method = "GET")]
async fn edit_form(id: u64, page: Page, visitor: SignedIn, board: State<Board>) -> Result<String> {
    let notice = own_notice(&board, id, &visitor)?;
    page.render("form.html", context! { notice, topics => TOPICS })
}

#[route("/board/{id}/edit", method = "POST")]
async fn edit(id: u64, draft: Draft, page: Page, visitor: SignedIn, board: State<Board>) -> Result<Response> {
    let before = own_notice(&board, id, &visitor)?;
    if let Some(problem) = draft.problem() {
        return draft.again(&page, problem, Some(id));
    }
    let new_picture = draft.keep_picture(&board).await?;
    let old_picture = before.picture.clone().filter(|_| new_picture.is_some());
    let picture = new_picture.or(before.picture);
    let Draft { title, text, topic, .. } = draft;
    board.put(Notice { title, text, topic, picture, edited: Some(now()), ..before }).await?;
    board.drop_picture(old_picture.as_deref()).await;
    Redirect::see_other(format!("/board/{id}")).into_response()
}

#[route("/board/{id}/delete", method = "POST")]
async fn delete(id: u64, visitor: SignedIn, board: State<Board>) -> Result<Redirect> {
    let notice = own_notice(&board, id, &visitor)?;
    board.remove(id).await?;
    board.drop_picture(notice.picture.as_deref()).await;
    Ok(Redirect::see_other("/board"))
}

#[route("/board/{id}/picture", method = "GET")]
async fn download(id: u64, board: State<Board>) -> Result<StaticFile> {
    let notice = board.notice(id)?;
    let picture = notice.picture.ok_or_else(|| HttpError::new(404).explain("This notice has no picture."))?;
    let path = board.pictures().join(picture);
    let extension = path.extension().unwrap_or_default().display().to_string();
    Ok(StaticFile::new(&path).download_as(format!("{}.{extension}", notice.title)))
}

#[route("/board/export.csv", method = "GET")]
async fn export_csv(board: State<Board>) -> (Headers, Stream) {
    let head = "id,title,topic,author,posted,text\r\n".to_owned();
    let rows = board.search("", None).into_iter().map(|notice| {
        let Notice { id, posted, .. } = notice;
        let [title, topic, author, text] =
            [&notice.title, &notice.topic, &notice.author, &notice.text].map(|text| quoted(text));
        format!("{id},{title},{topic},{author},{posted},{text}\r\n")
    });
    let rows = Stream::iter(std::iter::once(head).chain(rows)).content_type("text/csv; charset=utf-8");
    (Headers::from([("Content-Disposition", "attachment; filename=\"notices.csv\"")]), rows)
}

/// A field of a CSV file (RFC 4180). An apostrophe keeps spreadsheets from taking a text for a formula.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[route("/board/export.json", method = "GET")]
async fn export_json(board: State<Board>) -> (Headers, Json<Vec<Notice>>) {
    let disposition = Headers::from([("Content-Disposition", "attachment; filename=\"notices.json\"")]);
    (disposition, Json(board.search("", None)))
}

/// Tells the open pages of the board about new notices.
#[route("/board/live", method = "GET")]
async fn live(board: State<Board>) -> Sse {
    let news = BroadcastStream::new(board.news()).filter_map(|notice| notice.ok());
    let events = news.map(|notice| {
        let Notice { id, title, author, .. } = notice;
        Event::data(json!({"id": id, "title": title, "author": author})).name("notice").id(id)
    });
    Sse::new(tokio_stream::once(Event::data("{}").name("hello")).chain(events))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_csv_field_is_text_and_nothing_else() {
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
