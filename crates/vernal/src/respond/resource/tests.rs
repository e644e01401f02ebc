//! Which pattern matches, what it refuses to be, and that nothing outside its directory is ever found.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::properties::run_for;

fn resources(patterns: &[&str]) -> Resources {
    let mut resources = Resources::default();
    for pattern in patterns {
        resources.add(pattern, "root").expect("a pattern");
    }
    resources
}

fn relative(pattern: &str, path: &str) -> Option<String> {
    resources(&[pattern]).find(path).map(|located| located.relative)
}

/// `top/pub` is the root; beside it and in it is what must and what must not be found.
fn tree() -> TempDir {
    let top = tempfile::tempdir().expect("a directory");
    for directory in ["pub/sub/deeper", "pub/.git", "pub/...", "pub/empty", "public", "other"] {
        fs::create_dir_all(top.path().join(directory)).expect("a directory");
    }
    for file in [
        "secret.txt",
        "public/secret.txt",
        "other/secret.txt",
        "pub/a.txt",
        "pub/a b+c~,.txt",
        "pub/中文.txt",
        "pub/%2e%2e",
        "pub/sub/deep.txt",
        "pub/sub/index.html",
        "pub/index.html",
        "pub/.env",
        "pub/.git/config",
        "pub/.../a.txt",
        "pub/sub/.hidden",
    ] {
        fs::write(top.path().join(file), file).expect("a file");
    }
    #[cfg(unix)]
    for (target, link) in [
        ("../secret.txt", "out.txt"),
        ("..", "up"),
        ("/", "all"),
        ("../public", "sibling"),
        ("sub/deep.txt", "in.txt"),
        ("sub", "sub-link"),
        (".git/config", "shown.txt"),
        ("loop", "loop"),
        ("nowhere", "dangling"),
        ("sub-link/../../pub/a.txt", "round-about.txt"),
    ] {
        std::os::unix::fs::symlink(target, top.path().join("pub").join(link)).expect("a link");
    }
    top
}

fn serve(top: &TempDir) -> Resources {
    let mut resources = Resources::default();
    resources.add("/files/**", top.path().join("pub")).expect("a pattern");
    resources
}

fn found(resources: &Resources, path: &str) -> Option<String> {
    let file = resources.resolve(&resources.find(path)?).ok()?;
    Some(fs::read_to_string(file.path()).expect("a readable file"))
}

#[test]
fn each_form_matches_what_it_says() {
    for (pattern, path, expected) in [
        ("/pub/*", "/pub/a.txt", Some("a.txt")),
        ("/pub/", "/pub/a.txt", Some("a.txt")),
        ("pub/*", "/pub/a.txt", Some("a.txt")),
        ("//pub/*", "/pub/a.txt", Some("a.txt")),
        ("/pub/*", "/pub/sub/a.txt", None),
        ("/pub/", "/pub/sub/a.txt", None),
        ("/pub/*", "/pub/", None),
        ("/pub/*", "/pub", None),
        ("/pub/*", "/public/a.txt", None),
        ("/pub/*", "/x/pub/a.txt", None),
        ("/a/b/*", "/a/b/c", Some("c")),
        ("/pub/**", "/pub/a.txt", Some("a.txt")),
        ("/pub/**", "/pub/sub/deep/a.txt", Some("sub/deep/a.txt")),
        ("/pub/**", "/pub/sub/", Some("sub/")),
        ("/pub/**", "/pub/", None),
        ("/*", "/a.txt", Some("a.txt")),
        ("/", "/a.txt", Some("a.txt")),
        ("/*", "/sub/a.txt", None),
        ("/*", "/", None),
        ("/**", "/sub/a.txt", Some("sub/a.txt")),
        ("/**", "/", None),
        ("*.ini", "/top.ini", Some("top.ini")),
        ("/*.ini", "/top.ini", Some("top.ini")),
        ("*.ini", "/sub/low.ini", None),
        ("*.ini", "/.ini", None),
        ("*.ini", "/top.ini/x", None),
        ("*.ini", "/topXini", None),
        ("*.tar.gz", "/a.tar.gz", Some("a.tar.gz")),
        ("**.ini", "/top.ini", Some("top.ini")),
        ("**.ini", "/sub/low.ini", Some("sub/low.ini")),
        ("**.ini", "/.ini", None),
    ] {
        assert_eq!(relative(pattern, path).as_deref(), expected, "{pattern:?} and {path:?}");
    }
}

#[test]
fn names_may_have_any_character_and_patterns_mean_themselves() {
    assert_eq!(
        relative("/pub/*", "/pub/a b+c:,~'\"{}#?&=;é\u{fffd}").as_deref(),
        Some("a b+c:,~'\"{}#?&=;é\u{fffd}")
    );
    assert_eq!(relative("/a.b(c)/*", "/a.b(c)/x").as_deref(), Some("x"));
    assert_eq!(relative("/a.b/*", "/aXb/x"), None);
    assert_eq!(relative("/中 文/*", "/中 文/x").as_deref(), Some("x"));
}

#[test]
fn the_first_matching_pattern_decides() {
    let mut resources = Resources::default();
    resources.add("/a/*", "first").expect("a pattern");
    resources.add("/a/**", "second").expect("a pattern");
    resources.add("**.txt", "third").expect("a pattern");
    let root =
        |path| resources.find(path).map(|located| located.root.file_name().map(|name| name.to_owned()));
    assert_eq!(root("/a/x.txt"), Some(Some("first".into())));
    assert_eq!(root("/a/b/x.txt"), Some(Some("second".into())));
    assert_eq!(root("/b/x.txt"), Some(Some("third".into())));
    assert_eq!(root("/b/x"), None);
}

#[test]
fn any_other_form_is_refused_with_the_forms_there_are() {
    for pattern in [
        "",
        "/exact",
        "exact.html",
        "*",
        "**",
        "***",
        "*foo",
        "**foo",
        "/a*",
        "/a**",
        "/a/*/b",
        "/a/*/",
        "/*/",
        "/a/***",
        "*.",
        "**.",
        "*.a/b",
        "*.*",
        "*.a*",
        "**.a/",
        "/a/*.js",
        "/a/**.js",
        "/**/*",
    ] {
        let text = Resources::default().add(pattern, "root").expect_err(pattern);
        let forms = "is none of `/prefix/*`, `/prefix/**`, `*.extension` and `**.extension`";
        assert_eq!(text, format!("the resource pattern {pattern:?} {forms}"));
    }
}

#[test]
fn an_empty_directory_name_is_refused_for_it_would_mean_the_whole_disk() {
    let text = Resources::default().add("/a/*", "").expect_err("refused");
    assert!(
        text.starts_with("the directory \"\" of the resource pattern \"/a/*\" cannot be used: "),
        "{text}"
    );
}

#[test]
fn files_inside_are_found() {
    let top = tree();
    let resources = serve(&top);
    for (path, expected) in [
        ("/files/a.txt", "pub/a.txt"),
        ("/files/a b+c~,.txt", "pub/a b+c~,.txt"),
        ("/files/中文.txt", "pub/中文.txt"),
        ("/files/sub/deep.txt", "pub/sub/deep.txt"),
        // Decoded once by the server: what is left of a double encoding is a name like any other.
        ("/files/%2e%2e", "pub/%2e%2e"),
    ] {
        assert_eq!(found(&resources, path).as_deref(), Some(expected), "{path:?}");
    }
}

#[test]
fn no_path_leads_out_of_the_directory() {
    let top = tree();
    for resources in
        [serve(&top), serve(&top).dotfiles(true), serve(&top).index_files(["index.html", "secret.txt"])]
    {
        for path in [
            "/files/../secret.txt",
            "/files/sub/../../secret.txt",
            "/files/sub/../a.txt",
            "/files/..",
            "/files/../",
            "/files/./a.txt",
            "/files/../pub/a.txt",
            "/files/../public/secret.txt",
            "/files/..\\secret.txt",
            "/files/\\..\\secret.txt",
            "/files/sub\\deep.txt",
            "/files/sub//deep.txt",
            "/files//a.txt",
            "/files/....//secret.txt",
            "/files/..//secret.txt",
            "/files/%2e%2e/secret.txt",
            "/files/..%2fsecret.txt",
            "/files/..;/secret.txt",
            "/files/．．/secret.txt",
            "/files/..\u{2215}secret.txt",
            "/files/a.txt\0",
            "/files/a.txt\0.html",
            "/files/\0/../../secret.txt",
            "/files//etc/passwd",
            "/files///etc/passwd",
            "/files/C:/Windows/win.ini",
            "/files/a.txt::$DATA",
            "/files/a.txt/",
            "/files/a.txt/../../secret.txt",
            "/files/a.txt\n",
            "/files/none.txt",
            "/files/empty",
        ] {
            assert_eq!(found(&resources, path), None, "{path:?}");
        }
    }
}

#[test]
fn the_directory_itself_is_no_way_around_its_prefix() {
    let top = tree();
    let mut resources = Resources::default();
    resources.add("**.txt", top.path().join("pub")).expect("a pattern");
    assert_eq!(found(&resources, "/sub/deep.txt").as_deref(), Some("pub/sub/deep.txt"));
    assert_eq!(found(&resources, "/../secret.txt"), None);
    assert_eq!(found(&resources, "//etc/x.txt"), None);
}

#[cfg(unix)]
#[test]
fn links_that_stay_inside_are_followed_and_others_are_not() {
    let top = tree();
    let resources = serve(&top);
    for (path, expected) in [
        ("/files/in.txt", Some("pub/sub/deep.txt")),
        ("/files/sub-link/deep.txt", Some("pub/sub/deep.txt")),
        ("/files/round-about.txt", Some("pub/a.txt")),
        ("/files/shown.txt", Some("pub/.git/config")),
        ("/files/out.txt", None),
        ("/files/up/secret.txt", None),
        ("/files/up/pub/up/secret.txt", None),
        ("/files/all/etc/hostname", None),
        ("/files/sibling/secret.txt", None),
        ("/files/loop", None),
        ("/files/dangling", None),
        ("/files/sub-link/.hidden", None),
    ] {
        assert_eq!(found(&resources, path).as_deref(), expected, "{path:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_root_may_be_a_link_that_is_exchanged_while_the_server_runs() {
    let top = tree();
    let current = top.path().join("current");
    let mut resources = Resources::default();
    resources.add("/*", &current).expect("the directory need not exist");
    assert_eq!(found(&resources, "/a.txt"), None);
    std::os::unix::fs::symlink("pub", &current).expect("a link");
    assert_eq!(found(&resources, "/a.txt").as_deref(), Some("pub/a.txt"));
    assert_eq!(found(&resources, "/in.txt").as_deref(), Some("pub/sub/deep.txt"));
    assert_eq!(found(&resources, "/out.txt"), None);
    fs::remove_file(&current).expect("removed");
    std::os::unix::fs::symlink("other", &current).expect("a link");
    assert_eq!(found(&resources, "/secret.txt").as_deref(), Some("other/secret.txt"));
}

#[test]
fn dotfiles_are_found_only_when_allowed() {
    let top = tree();
    let paths = ["/files/.env", "/files/.git/config", "/files/sub/.hidden", "/files/.../a.txt"];
    for path in paths {
        assert_eq!(found(&serve(&top), path), None, "{path:?}");
        assert!(found(&serve(&top).dotfiles(true), path).is_some(), "{path:?}");
    }
}

#[test]
fn a_directory_has_an_index_only_when_one_is_named() {
    let top = tree();
    let plain = serve(&top);
    for path in ["/files/", "/files/sub", "/files/sub/", "/files/empty"] {
        assert_eq!(found(&plain, path), None, "{path:?}");
    }
    let indexed = serve(&top).index_files(["none.html", "index.html"]);
    for (path, expected) in [
        ("/files/", Some("pub/index.html")),
        ("/files/sub", Some("pub/sub/index.html")),
        ("/files/sub/", Some("pub/sub/index.html")),
        ("/files/empty/", None),
        ("/files/sub/index.html/", None),
        ("/files", None),
    ] {
        assert_eq!(found(&indexed, path).as_deref(), expected, "{path:?}");
    }
}

#[test]
fn what_is_not_there_is_a_404_that_says_no_more() {
    let top = tree();
    let resources = serve(&top);
    for path in ["/files/none", "/files/.env", "/files/../secret.txt", "/files/sub"] {
        let located = resources.find(path).expect("a pattern that matches");
        let error = resources.resolve(&located).expect_err(path);
        assert_eq!((error.code(), error.explain_text()), (404, "Cannot find file for this url."), "{path:?}");
    }
}

#[test]
fn whatever_is_asked_for_is_inside_the_root_or_not_found() {
    let top = tree();
    let root = top.path().join("pub").canonicalize().expect("a root");
    let secret = top.path().join("secret.txt").to_string_lossy().into_owned();
    let known = proptest::sample::select(vec![
        "..",
        ".",
        "",
        "sub",
        "deeper",
        "a.txt",
        "deep.txt",
        "secret.txt",
        "pub",
        "public",
        "up",
        "all",
        "sibling",
        "etc",
        "sub-link",
        "out.txt",
        "in.txt",
        "shown.txt",
        ".git",
        "config",
        "...",
        "loop",
        "%2e%2e",
        "..\\",
        "\0",
        "hostname",
    ]);
    let name = prop_oneof![8 => known.prop_map(str::to_owned), 1 => any::<String>(), 1 => Just(secret)];
    let path = proptest::collection::vec(name, 0..7).prop_map(|names| format!("/files/{}", names.join("/")));

    run_for((path, any::<bool>(), any::<bool>()), |(path, dotfiles, index)| {
        let resources = serve(&top).dotfiles(dotfiles).index_files(index.then_some("index.html"));
        let Some(located) = resources.find(&path) else { return Ok(()) };
        if let Ok(file) = resources.resolve(&located) {
            let file = file.path().canonicalize().expect("a file that was found is there");
            prop_assert!(file.starts_with(&root), "{path:?} led to {file:?}");
            prop_assert!(file.is_file());
        }
        Ok(())
    });
}
