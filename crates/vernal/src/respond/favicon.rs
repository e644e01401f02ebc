//! The icon of an app that has none: a leaf (`spec/01` section 3.3).

use std::sync::LazyLock;

use bytes::Bytes;
use http::HeaderValue;

use crate::respond::Response;
use crate::respond::response::Data;

/// The path at which browsers look for an icon without being told.
pub(crate) const PATH: &str = "/favicon.ico";

const SIDE: usize = 32;

/// The icon as an answer.
pub(crate) fn favicon() -> Response {
    static ICON: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(icon()));
    static TYPE: HeaderValue = HeaderValue::from_static("image/x-icon");
    Response::from_content(Data::Bytes(ICON.clone()), &TYPE)
}

/// An ICO file with one image: 32 by 32 pixels of 32 bits, lowest row first, then a mask of one bit each.
fn icon() -> Vec<u8> {
    const HEADER: u32 = 6 + 16;
    const IMAGE: u32 = 40 + (SIDE * SIDE * 4) as u32 + (SIDE * SIDE / 8) as u32;
    let mut icon = vec![0, 0, 1, 0, 1, 0, SIDE as u8, SIDE as u8, 0, 0, 1, 0, 32, 0];
    for number in [IMAGE, HEADER, 40, SIDE as u32, 2 * SIDE as u32, 1 | 32 << 16, 0, 0, 0, 0, 0, 0] {
        icon.extend_from_slice(&number.to_le_bytes());
    }
    for y in (0..SIDE).rev() {
        for x in 0..SIDE {
            icon.extend_from_slice(&pixel(x as i32, y as i32));
        }
    }
    icon.resize((HEADER + IMAGE) as usize, 0);
    icon
}

/// Blue, green, red, opacity: where two discs overlap is the leaf, along its diagonal is the vein.
fn pixel(x: i32, y: i32) -> [u8; 4] {
    let inside = |left: i32, top: i32| (x - left).pow(2) + (y - top).pow(2) <= 26 * 26;
    match inside(3, 3) && inside(28, 28) {
        false => [0; 4],
        true if (x + y - 31).abs() <= 1 => [220, 240, 225, 255],
        true => [70, 150, 60, 255],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_an_ico_file_of_one_image() {
        let icon = icon();
        assert_eq!(icon.len(), 4286);
        assert_eq!(icon[..6], [0, 0, 1, 0, 1, 0]);
        assert_eq!(u32::from_le_bytes([icon[14], icon[15], icon[16], icon[17]]), 4264);
    }
}
