//! Whole bodies through `parse_multipart`.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::pieces::{Chunks, described, parse};
use super::*;
use crate::MB;
#[cfg(target_os = "linux")]
use crate::properties::processor_time;

const TYPE: &str = "multipart/form-data; boundary=B";

/// Parses the body whole and byte by byte, which must not differ.
async fn form_of(body: impl AsRef<[u8]>, content_type: &str, limits: &Limits) -> Result<Params, HttpError> {
    let body = body.as_ref();
    let whole = parse(Chunks::of(body, body.len().max(1)), content_type, limits).await;
    for length in [1, 2, 3, 7] {
        match (&whole, parse(Chunks::of(body, length), content_type, limits).await) {
            (Ok(whole), Ok(pieces)) => assert_eq!(described(whole).await, described(&pieces).await),
            (Err(whole), Err(pieces)) => assert_eq!(*whole, pieces),
            (whole, pieces) => panic!("{whole:?} but in pieces {pieces:?}"),
        }
    }
    whole
}

async fn form(body: impl AsRef<[u8]>) -> Params {
    form_of(body, TYPE, &Limits::default()).await.expect("a form")
}

async fn refused(body: impl AsRef<[u8]>) -> String {
    let error = form_of(body, TYPE, &Limits::default()).await.expect_err("an error");
    assert_eq!(error.code(), 400);
    error.explain_text().to_owned()
}

/// A body of parts, each with its header and content.
fn body_of(parts: &[(&str, &str)]) -> String {
    let parts: String =
        parts.iter().map(|(head, content)| format!("--B\r\n{head}\r\n\r\n{content}\r\n")).collect();
    parts + "--B--\r\n"
}

fn text_part(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"")
}

#[tokio::test]
async fn texts_and_files_come_in_order() {
    let params = form(body_of(&[
        (&text_part("a"), "1"),
        (
            "Content-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain",
            "x\r\ny",
        ),
        (&text_part("a"), "中\r\n"),
    ]))
    .await;
    assert_eq!(params.get_all("a").collect::<Vec<_>>(), ["1", "中\r\n"]);
    assert_eq!(params.names().collect::<Vec<_>>(), ["a", "f"]);
    let file = params.file("f").expect("a file");
    assert_eq!((file.name(), file.filename(), file.content_type()), ("f", "a.txt", "text/plain"));
    assert_eq!(file.text().await.expect("text"), "x\r\ny");
}

#[tokio::test]
async fn an_empty_file_name_is_an_empty_file() {
    let params = form(body_of(&[("Content-Disposition: form-data; name=f; filename=\"\"", "")])).await;
    let file = params.file("f").expect("a file");
    assert!(file.is_empty());
    assert_eq!(file.filename(), "");
    assert_eq!(params.get("f"), None);
}

/// `spec/08` D: the content type's spelling.
#[tokio::test]
async fn the_boundary_is_found_in_any_spelling_of_the_content_type() {
    let body = body_of(&[(&text_part("a"), "1")]);
    for content_type in [
        "multipart/form-data;boundary=B",
        "multipart/form-data; boundary=\"B\"",
        "multipart/form-data; charset=utf-8; boundary=B",
        "multipart/form-data; boundary=B;",
        "multipart/form-data; boundary=B; charset=utf-8",
        "Multipart/Form-Data ; BOUNDARY = B",
    ] {
        let params = form_of(&body, content_type, &Limits::default()).await.expect(content_type);
        assert_eq!(params.get("a"), Some("1"));
    }
}

#[tokio::test]
async fn a_bad_boundary_is_refused() {
    let long = format!("m; boundary={}", "b".repeat(71));
    for (content_type, problem) in [
        ("multipart/form-data", "The content type of a form should have a boundary."),
        ("m; boundary=", "The boundary of a form should be 1 to 70 visible ASCII characters."),
        ("m; boundary=é", "The boundary of a form should be 1 to 70 visible ASCII characters."),
        (long.as_str(), "The boundary of a form should be 1 to 70 visible ASCII characters."),
        ("m; boundary=B; boundary=C", "The content type of a form has boundary twice."),
        ("m; boundary=\"B", "The content type of a form has a quoted value without a closing quote."),
    ] {
        let error = form_of("--B--", content_type, &Limits::default()).await.expect_err("an error");
        assert_eq!((error.code(), error.explain_text()), (400, problem));
    }
    let boundary = "b".repeat(70);
    let content_type = format!("m; boundary={boundary}");
    let body = format!("--{boundary}--");
    assert!(form_of(body, &content_type, &Limits::default()).await.expect("a form").is_empty());
}

/// `spec/08` D: the bodies that the reference drops.
#[tokio::test]
async fn parts_that_the_reference_drops_are_read() {
    let semicolon = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a;b.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nx\r\n--B--\r\n";
    assert_eq!(form(semicolon).await.file("f").expect("a file").filename(), "a;b.txt");
    let untyped =
        "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nx\r\n--B--\r\n";
    assert_eq!(form(untyped).await.file("f").expect("a file").content_type(), "application/octet-stream");
    let type_first =
        body_of(&[("content-type: a/b\r\ncontent-disposition: form-data; Name=f; filename=x", "x")]);
    assert_eq!(form(type_first).await.file("f").expect("a file").content_type(), "a/b");
    let more_fields =
        body_of(&[(&format!("{}\r\nContent-Type: text/plain\r\nX-More: 1", text_part("a")), "v")]);
    assert_eq!(form(more_fields).await.get("a"), Some("v"));
    let more_attributes = body_of(&[("Content-Disposition: form-data; name=a; size=1", "v")]);
    assert_eq!(form(more_attributes).await.get("a"), Some("v"));
    let escaped = body_of(&[(r#"Content-Disposition: form-data; name="a\"b"; filename="C:\x\y.txt""#, "v")]);
    assert_eq!(form(escaped).await.file("a\"b").expect("a file").filename(), r"C:\x\y.txt");
}

#[tokio::test]
async fn what_only_resembles_a_boundary_is_content() {
    for content in [
        "a--B--b",
        "--Bonus",
        "\r\n--Bonus",
        "x\r\n--B-x\r\n--B \tx\r\n--",
        "\r\n\r\n--b\r\n-\r\n-B",
        "\r\r\n\r\r\n",
        "\n--B\n",
        "\r\n--B\rx",
    ] {
        let params = form(body_of(&[(&text_part("a"), content), (&text_part("b"), "1")])).await;
        assert_eq!(params.get("a"), Some(content), "{content:?}");
        assert_eq!(params.get("b"), Some("1"), "{content:?}");
    }
    let wide = format!("\r\n--B{}\r\nx", " ".repeat(65));
    assert_eq!(form(body_of(&[(&text_part("a"), &wide)])).await.get("a"), Some(wide.as_str()));
}

#[tokio::test]
async fn preamble_epilogue_and_padding_mean_nothing() {
    let head = text_part("a");
    for body in [
        format!("--B\r\n{head}\r\n\r\n1\r\n--B--"),
        format!("\r\n--B\r\n{head}\r\n\r\n1\r\n--B--\r\n\r\n"),
        format!(
            "pre --B\r\namble\r\n--B \t\r\n{head}\r\n\r\n1\r\n--B--epilogue\r\n--B\r\nX: y\r\n\r\n2\r\n--B--"
        ),
    ] {
        let params = form(&body).await;
        assert_eq!(params.iter().count(), 1, "{body}");
        assert_eq!(params.get("a"), Some("1"), "{body}");
    }
}

#[tokio::test]
async fn empty_parts_and_forms_are_empty() {
    assert!(form("--B--").await.is_empty());
    assert_eq!(form(body_of(&[(&text_part("a"), "")])).await.get("a"), Some(""));
    let without_body = format!("--B\r\n{}\r\n\r\n--B--\r\n", text_part("a"));
    assert_eq!(form(without_body).await.get("a"), Some(""), "the body of a part is optional in RFC 2046");
}

#[tokio::test]
async fn a_form_without_its_final_boundary_is_refused() {
    let body = body_of(&[(&text_part("a"), "1")]);
    let end = body.len() - "--\r\n".len();
    for length in 0..=end + 1 {
        assert_eq!(refused(&body[..length]).await, "The form ends before its final boundary.", "{length}");
    }
    assert!(form(&body[..end + 2]).await.contains("a"));
}

#[tokio::test]
async fn lines_that_end_with_lf_alone_are_refused() {
    let problem = "The lines of a form should end with CR LF, not with LF alone.";
    assert_eq!(refused(body_of(&[(&text_part("a"), "1")]).replace("\r\n", "\n")).await, problem);
    assert_eq!(refused("--B\r\nContent-Disposition: form-data; name=a\n\n1\r\n--B--").await, problem);
}

#[tokio::test]
async fn malformed_parts_are_refused() {
    assert_eq!(
        refused(body_of(&[("Content-Disposition: form-data", "1")])).await,
        "The Content-Disposition of a part should have a name."
    );
    assert_eq!(refused("--B\r\n\r\n1\r\n--B--").await, "A part should have a Content-Disposition.");
    assert_eq!(refused("--B\r\n--B--\r\n\r\n").await, "A header field of a part should have a colon.");
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused_or_replaced() {
    let body = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--B--";
    assert_eq!(refused(body).await, "Parameter[a] is not valid UTF-8.");
    let name = b"--B\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\xff\r\n--B--";
    assert_eq!(refused(name).await, "The header of a part is not valid UTF-8.");
    let mut params = Params::new();
    let lenient = Decoding { strict: false, plus_is_space: true };
    parse_multipart(Chunks::of(name, 100), TYPE, &Limits::default(), lenient, &mut params)
        .await
        .expect("a form");
    assert_eq!(params.get("\u{fffd}"), Some("\u{fffd}"));
}

#[tokio::test]
async fn every_limit_has_its_error() {
    let two = body_of(&[(&text_part("a"), "12345"), (&text_part("b"), "12345")]);
    let large_head = body_of(&[(&format!("{}\r\nX: {}", text_part("a"), "x".repeat(8192)), "")]);
    let many_fields = body_of(&[(&"X: y\r\n".repeat(33), "")]);
    let limits = Limits::default();
    for (body, limits, code, problem) in [
        (&two, limits.clone().parts(1), 400, "A form may have at most 1 parts."),
        (&two, limits.clone().parameters(1), 400, "A request may have at most 1 parameters."),
        (&two, limits.clone().body(4), 413, "Parameter[a] makes the texts of the form too long."),
        (&two, limits.clone().body(9), 413, "Parameter[b] makes the texts of the form too long."),
        (&large_head, limits.clone(), 400, "The header of a part may have at most 8192 bytes."),
        (&many_fields, limits.clone(), 400, "A part may have at most 32 header fields."),
    ] {
        let error = form_of(body, TYPE, &limits).await.expect_err(problem);
        assert_eq!((error.code(), error.explain_text()), (code, problem));
    }
    assert!(
        form_of(&two, TYPE, &limits.clone().parts(2).parameters(2).body(10).upload(two.len())).await.is_ok()
    );
    for upload in [10, two.len() - 1] {
        let error = form_of(&two, TYPE, &limits.clone().upload(upload)).await.expect_err("too long");
        assert_eq!(
            (error.code(), error.explain_text()),
            (413, &*format!("A form may have at most {upload} bytes."))
        );
    }
}

#[tokio::test]
async fn a_large_file_is_spooled() {
    let content = "0123456789".repeat(100);
    let body = body_of(&[("Content-Disposition: form-data; name=f; filename=a", &content)]);
    for (spool_bytes, spooled) in [(0, true), (999, true), (1000, false)] {
        let params = form_of(&body, TYPE, &Limits::default().spool_bytes(spool_bytes)).await.expect("a form");
        let file = params.file("f").expect("a file");
        assert_eq!(file.is_spooled(), spooled);
        assert_eq!(file.text().await.expect("text"), content);
    }
}

#[tokio::test]
async fn an_error_of_the_body_is_passed_on() {
    struct Broken;
    impl Stream for Broken {
        type Item = Result<Bytes, HttpError>;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(Some(Err(HttpError::new(408))))
        }
    }
    let mut params = Params::new();
    let result = parse_multipart(Broken, TYPE, &Limits::default(), Decoding::default(), &mut params).await;
    assert_eq!(result, Err(HttpError::new(408)));
}

/// Time that grows with the square of the length would be minutes here.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn adversarial_bodies_are_read_in_linear_time() {
    let start = processor_time();
    let limits = Limits::default().body(4 * MB);
    for line in ["\r\n--", "\r", "\r\n--Bx", "\r\n--B \rx", "\r\n--BBBB\r"] {
        let content = line.repeat(MB / line.len());
        let body = body_of(&[(&text_part("a"), &format!("{content}x"))]);
        for length in [1, 1000] {
            let params = parse(Chunks::of(body.as_bytes(), length), TYPE, &limits).await.expect("a form");
            assert_eq!(params.get("a").map(str::len), Some(content.len() + 1));
        }
    }
    let blanks = format!("--B{}", " ".repeat(MB));
    assert!(parse(Chunks::of(blanks.as_bytes(), 1), TYPE, &limits).await.is_err());
    let taken = processor_time() - start;
    assert!(taken.as_secs() < 60, "took {taken:?}");
}

#[test]
fn the_future_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let mut params = Params::new();
    is_send(parse_multipart(Chunks::of(b"", 1), TYPE, &Limits::default(), Decoding::default(), &mut params));
}
