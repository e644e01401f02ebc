//! The time of an answer.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

thread_local! {
    /// The second for which the value was made.
    static LAST: RefCell<(Duration, HeaderValue)> =
        const { RefCell::new((Duration::MAX, HeaderValue::from_static(""))) };
}

/// The value of the `Date` field (RFC 9110 section 6.6.1), made once a second.
pub(super) fn now() -> HeaderValue {
    let time = SystemTime::now();
    let second = Duration::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    LAST.with_borrow_mut(|(of, value)| {
        if *of != second
            && let Ok(made) = HeaderValue::from_str(&httpdate::fmt_http_date(time))
        {
            (*of, *value) = (second, made);
        }
        value.clone()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_a_date_of_now() {
        let date = super::now();
        let parsed = httpdate::parse_http_date(date.to_str().expect("text")).expect("a date");
        assert!(std::time::SystemTime::now().duration_since(parsed).is_ok_and(|age| age.as_secs() < 5));
    }
}
