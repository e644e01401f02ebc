//! What a `Range` field may say, and that no field draws more than the file.

use proptest::prelude::*;

use super::*;
use crate::properties::run_for;

#[test]
fn a_single_range_is_cut_to_the_file() {
    for (field, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=0-499", 0..500),
        ("bytes=500-999", 500..1000),
        ("bytes=9500-", 9500..10_000),
        ("bytes=9999-9999", 9999..10_000),
        ("bytes=0-", 0..10_000),
        ("bytes=9000-123456", 9000..10_000),
        ("bytes=-1", 9999..10_000),
        ("bytes=-500", 9500..10_000),
        ("bytes=-10000", 0..10_000),
        ("bytes=-10001", 0..10_000),
        ("bytes=-99999999999999999999999", 0..10_000),
        ("bytes=1-99999999999999999999999", 1..10_000),
        ("bytes=18446744073709551615-,7-8", 7..9),
        ("Bytes=1-2", 1..3),
        ("bytes= 1-2\t", 1..3),
        ("bytes=,, 1-2 ,", 1..3),
        ("bytes=00001-0002", 1..3),
    ] {
        assert_eq!(parse_ranges(field, 10_000), Ranges::Single(expected), "{field:?}");
    }
}

#[test]
fn a_malformed_or_foreign_field_is_ignored() {
    for field in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=2-1",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=--1",
        "bytes=1 - 2",
        "bytes=0x1-2",
        "bytes=1-2;3-4",
        "bytes=1-2,x",
        "bytes=１-２",
        "lines=1-2",
        "bytes 1-2",
        "bytes =1-2",
        "bytes=9-99999999999999999999999,2-1",
        "=1-2",
    ] {
        assert_eq!(parse_ranges(field, 10_000), Ranges::Whole, "{field:?}");
    }
}

#[test]
fn a_field_with_no_byte_in_the_file_is_unsatisfiable() {
    for field in [
        "bytes=10000-",
        "bytes=10000-10001",
        "bytes=-0",
        "bytes=20000-,30000-",
        "bytes=-0,10000-",
        "bytes=99999999999999999999999-",
        "bytes=99999999999999999999998-99999999999999999999999",
    ] {
        assert_eq!(parse_ranges(field, 10_000), Ranges::Unsatisfiable, "{field:?}");
    }
}

#[test]
fn unsatisfiable_members_are_left_out() {
    assert_eq!(parse_ranges("bytes=10000-,5-6,-0", 10_000), Ranges::Single(5..7));
}

#[test]
fn an_empty_file_is_answered_whole() {
    for field in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
        assert_eq!(parse_ranges(field, 0), Ranges::Whole, "{field:?}");
    }
}

#[test]
fn several_ranges_keep_the_order_asked_for() {
    let several = Ranges::Several(vec![5000..6000, 0..100, 9900..10_000]);
    assert_eq!(parse_ranges("bytes=5000-5999, 0-99, -100", 10_000), several);
}

#[test]
fn ranges_that_overlap_touch_or_nearly_touch_become_one() {
    for (field, expected) in [
        ("bytes=0-,0-,0-", Ranges::Single(0..10_000)),
        ("bytes=0-0,2-2,4-4", Ranges::Single(0..5)),
        ("bytes=100-199,0-99", Ranges::Single(0..200)),
        ("bytes=0-99,356-399", Ranges::Single(0..400)),
        ("bytes=0-99,357-399", Ranges::Several(vec![0..100, 357..400])),
        ("bytes=0-99,5000-5099,50-5050", Ranges::Single(0..5100)),
        ("bytes=8000-8001,0-99,5000-5099,50-5050", Ranges::Several(vec![8000..8002, 0..5100])),
        ("bytes=0-99,1000-1099,400-799", Ranges::Several(vec![0..100, 400..1100])),
    ] {
        assert_eq!(parse_ranges(field, 10_000), expected, "{field:?}");
    }
}

#[test]
fn more_than_sixteen_ranges_are_ignored() {
    let field = |count: u64| {
        let ranges: Vec<_> = (0..count).map(|index| format!("{0}-{0}", index * 1000)).collect();
        format!("bytes={}", ranges.join(","))
    };
    assert!(matches!(parse_ranges(&field(16), 100_000), Ranges::Several(ranges) if ranges.len() == 16));
    assert_eq!(parse_ranges(&field(17), 100_000), Ranges::Whole);
}

#[test]
fn whatever_is_asked_for_the_answer_is_inside_the_file_and_never_much_larger() {
    let position = prop_oneof![0..2000u64, any::<u64>()].prop_map(|position| position.to_string());
    let position = prop_oneof![4 => position, 1 => Just(String::new()), 1 => "[0-9a+ ]{0,25}"];
    let range = (position.clone(), position).prop_map(|(first, last)| format!("{first}-{last}"));
    let set =
        proptest::collection::vec(range, 0..20).prop_map(|ranges| format!("bytes={}", ranges.join(",")));
    let field =
        prop_oneof![3 => set, 1 => any::<String>(), 1 => any::<String>().prop_map(|s| format!("bytes={s}"))];
    let length = prop_oneof![0..2000u64, 0..100_000u64, any::<u64>()];

    run_for((field, length), |(field, length)| {
        check(&field, length);
        Ok(())
    });
}
