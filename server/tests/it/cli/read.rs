//! `bilten read`

use super::{bilten, finish, finish_with, png};

/// covers: SCAN-1
#[test]
fn what_is_read_is_one_line_each_and_all_must_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let good = png("BT1:ABC 123");
    write("good.png", &good);
    write("two lines.png", &png("one\ttwo\nthree\\"));
    write("hyphen.png", &png("-"));
    write("torn.png", &good[..good.len() / 2]);
    write("empty.png", b"");
    write("words.png", b"this is no picture");
    let blank = image::GrayImage::from_pixel(64, 64, image::Luma([255]));
    blank.save(folder.path().join("blank.pgm")).unwrap();
    image::load_from_memory(&good)
        .unwrap()
        .save(folder.path().join("good.jpg"))
        .unwrap();

    let read = finish(bilten(folder.path()).args([
        "read",
        "good.png",
        "good.jpg",
        "two lines.png",
        "hyphen.png",
    ]));
    assert_eq!(
        read.stdout,
        "good.png\tBT1:ABC 123\ngood.jpg\tBT1:ABC 123\ntwo lines.png\tone\\ttwo\\nthree\\\\\nhyphen.png\t\\-\n"
    );
    assert_eq!((read.code, read.stderr.as_str()), (Some(0), ""));

    let read = finish(bilten(folder.path()).args([
        "read",
        "torn.png",
        "good.png",
        "empty.png",
        "words.png",
        "blank.pgm",
        "missing.png",
    ]));
    assert_eq!(
        read.stdout,
        "torn.png\t-\ngood.png\tBT1:ABC 123\nempty.png\t-\nwords.png\t-\nblank.pgm\t-\nmissing.png\t-\n"
    );
    assert_eq!(read.code, Some(1));
    let reasons: Vec<_> = read.stderr.lines().collect();
    let wanted = [
        "bilten: damaged_picture: torn.png: ",
        "bilten: unsupported_format: empty.png: ",
        "bilten: unsupported_format: words.png: ",
        "bilten: no_code: blank.pgm: ",
        "bilten: unreadable_file: missing.png: ",
    ];
    assert_eq!(reasons.len(), wanted.len(), "{reasons:?}");
    for (reason, wanted) in reasons.iter().zip(wanted) {
        assert!(reason.starts_with(wanted), "{reason}");
    }
}

#[test]
fn a_hyphen_is_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let read = finish_with(bilten(folder.path()).args(["read", "-"]), &png("BT1:X"));
    assert_eq!((read.code, read.stdout.as_str()), (Some(0), "-\tBT1:X\n"));
    let read = finish_with(bilten(folder.path()).args(["read", "-"]), b"");
    assert_eq!((read.code, read.stdout.as_str()), (Some(1), "-\t-\n"));
    // Nothing is needed to read pictures, and nothing is made.
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
