//! Groups: their text, their rotation, and what a passphrase refuses.

use super::*;
use crate::entropy::testing::Counter;
use crate::packet::initial_secrets;
use proptest::prelude::*;

fn group(start: u64) -> Group {
    Group::generate(&mut Counter(start))
}

/// A group with epochs 1 to `count`.
fn rotated(count: u16) -> Group {
    let mut group = group(1);
    for _ in 1..count {
        group.next_epoch(&mut Counter(77)).unwrap();
    }
    group
}

fn passphrase() -> Group {
    Group::from_passphrase("test", "correct horse battery").unwrap()
}

fn numbers(group: &Group) -> Vec<u16> {
    group.epochs().map(|epoch| epoch.0).collect()
}

fn text(group: &Group) -> String {
    group.to_text().unwrap().to_string()
}

#[test]
fn text_of_a_group_reads_back_as_the_same_group() {
    let group = rotated(3);
    let read = Group::parse(&text(&group)).unwrap();
    assert_eq!(read.id(), group.id());
    assert_eq!(numbers(&read), [1, 2, 3]);
    assert_eq!(text(&read), text(&group));
    assert_eq!(read.context("x").unwrap(), group.context("x").unwrap());
}

#[test]
fn text_allows_comments_blank_lines_upper_case_and_any_order() {
    let group = rotated(3);
    let text = text(&group);
    let mut lines: Vec<_> = text.lines().collect();
    lines.reverse();
    let loose = format!(
        "# our seed\n\n  {}\r\n\t\n",
        lines.join("  \n#\n").to_uppercase()
    );
    assert_eq!(numbers(&Group::parse(&loose).unwrap()), [1, 2, 3]);
}

#[test]
fn line_has_the_documented_shape() {
    let text = text(&group(1));
    assert_eq!(text.len(), 92);
    assert!(text.starts_with("stt1"));
    assert!(
        text.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    );
}

#[test]
fn every_mistyped_character_is_noticed() {
    let good = text(&group(1));
    for place in 4..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[place] = if bad[place] == b'a' { b'b' } else { b'a' };
        let error = Group::parse(std::str::from_utf8(&bad).unwrap()).unwrap_err();
        assert_eq!(error, ParseGroupError::BadChecksum);
    }
}

#[test]
fn texts_that_are_no_group_are_told_apart() {
    use ParseGroupError as E;
    let seed = text(&group(1));
    let other = text(&group(2));
    let two = format!("{seed}\n{seed}");
    let mixed = format!("{seed}\n{other}");
    let after = format!("{seed}\npassphrase:realm:words words");
    let before = format!("passphrase:realm:words words\n{seed}");
    let number = |epoch| format!("{}!{}", &seed[..epoch], &seed[epoch + 1..]);
    for (text, error) in [
        ("", E::Empty),
        ("\n# nothing\n", E::Empty),
        ("hello", E::UnknownForm),
        ("stt2aaaa", E::UnknownForm),
        ("sté1", E::UnknownForm),
        ("stt1", E::BadLength { actual: 4 }),
        (&seed[..91], E::BadLength { actual: 91 }),
        (&format!("{seed}a"), E::BadLength { actual: 93 }),
        (&number(40), E::BadCharacter),
        (&two, E::DuplicateEpoch { epoch: Epoch(1) }),
        (&mixed, E::MixedGroups),
        (&after, E::PassphraseNotAlone),
        (&before, E::PassphraseNotAlone),
        ("passphrase:words", E::PassphraseForm),
        (
            "passphrase::words words",
            E::Passphrase(PassphraseError::EmptyRealm),
        ),
        (
            "passphrase:realm:",
            E::Passphrase(PassphraseError::EmptyWords),
        ),
        (
            "passphrase:realm:short",
            E::Passphrase(PassphraseError::TooShort { actual: 5 }),
        ),
    ] {
        assert_eq!(Group::parse(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn passphrases_that_are_not_acceptable_are_told_apart() {
    use PassphraseError as E;
    let long = "a".repeat(1_025);
    for (realm, words, error) in [
        (" ", "words words", E::EmptyRealm),
        ("a:b", "words words", E::ColonInRealm),
        ("realm", " ", E::EmptyWords),
        ("realm", "éééé", E::TooShort { actual: 4 }),
        ("realm", &long, E::TooLong),
        (&long, "words words", E::TooLong),
        ("realm", "words\nwords", E::ControlCharacter),
        ("re\0alm", "words words", E::ControlCharacter),
    ] {
        assert_eq!(Group::from_passphrase(realm, words).unwrap_err(), error);
    }
}

#[test]
fn rotation_counts_up_and_keeps_the_name() {
    let mut group = group(1);
    let id = group.id();
    assert_eq!(group.next_epoch(&mut Counter(5)), Ok(Epoch(2)));
    assert_eq!((group.oldest(), group.newest()), (Epoch(1), Epoch(2)));
    assert_eq!(group.id(), id);
    assert_eq!(group.newest_seed().epoch(), Epoch(2));
    assert_eq!(
        group.seeds().map(|seed| seed.epoch().0).collect::<Vec<_>>(),
        [2, 1]
    );
}

#[test]
fn any_epoch_can_be_dropped_but_the_last() {
    for dropped in 1..=3 {
        let mut group = rotated(3);
        group.drop_epoch(Epoch(dropped)).unwrap();
        let rest: Vec<u16> = (1..=3).filter(|number| *number != dropped).collect();
        assert_eq!(numbers(&group), rest);
        assert!(group.seed(Epoch(dropped)).is_none());
    }
    let mut group = group(1);
    assert_eq!(
        group.drop_epoch(Epoch(1)),
        Err(RotateError::Last { epoch: Epoch(1) })
    );
    assert_eq!(
        group.drop_epoch(Epoch(9)),
        Err(RotateError::Unknown { epoch: Epoch(9) })
    );
}

#[test]
fn number_of_epochs_is_bounded() {
    let mut group = rotated(MAX_EPOCHS as u16);
    assert_eq!(group.next_epoch(&mut Counter(1)), Err(RotateError::TooMany));
    group.drop_epoch(group.oldest()).unwrap();
    group.next_epoch(&mut Counter(1)).unwrap();

    let full = text(&group);
    let mut more = group.clone();
    more.drop_epoch(more.oldest()).unwrap();
    more.next_epoch(&mut Counter(2)).unwrap();
    let line = text(&more).lines().last().unwrap().to_string();
    let error = Group::parse(&format!("{full}\n{line}")).unwrap_err();
    assert_eq!(error, ParseGroupError::TooManyEpochs);
    assert_eq!(group.merge(&more), Err(MergeError::TooMany));
}

#[test]
fn epoch_numbers_end_at_the_last_one() {
    let mut group = group(1);
    let Kind::Random(random) = &mut group.0 else {
        unreachable!()
    };
    let last = random::EpochKey::new(random.id, Epoch(u16::MAX), crate::Secret::new([1; 32]));
    random.insert(last);
    assert_eq!(
        group.next_epoch(&mut Counter(1)),
        Err(RotateError::Exhausted)
    );
}

#[test]
fn merging_takes_over_what_is_missing() {
    let mut old = group(1);
    let mut new = old.clone();
    new.next_epoch(&mut Counter(9)).unwrap();
    assert_eq!(old.merge(&new), Ok(1));
    assert_eq!(old.merge(&new), Ok(0));
    assert_eq!(text(&old), text(&new));
    new.drop_epoch(Epoch(1)).unwrap();
    assert_eq!(new.merge(&old), Ok(1));
    assert_eq!(numbers(&new), [1, 2]);
}

#[test]
fn merging_refuses_other_groups_and_contradictions() {
    let (mut one, mut other) = (group(1), group(1));
    assert_eq!(one.merge(&group(2)), Err(MergeError::OtherGroup));
    assert_eq!(one.merge(&passphrase()), Err(MergeError::Passphrase));
    one.next_epoch(&mut Counter(3)).unwrap();
    other.next_epoch(&mut Counter(4)).unwrap();
    assert_eq!(
        one.merge(&other),
        Err(MergeError::Conflict { epoch: Epoch(2) })
    );
    assert_eq!(numbers(&one), [1, 2]);
}

#[test]
fn gate_opens_for_its_own_epoch_only() {
    let group = rotated(2);
    let id = group.newest_seed().gate_tag(&[7; 8]).unwrap();
    assert!(group.newest_seed().opens(&id));
    assert!(!group.seed(Epoch(1)).unwrap().opens(&id));
    for place in 0..id.len() {
        let mut bad = id;
        bad[place] ^= 1;
        assert!(!group.newest_seed().opens(&bad));
    }
    for len in 0..id.len() {
        assert!(!group.newest_seed().opens(&id[..len]));
    }
    assert!(!group.newest_seed().opens(&[&id[..], &[0]].concat()));
}

#[test]
fn equal_keys_in_different_epochs_or_groups_give_nothing_equal() {
    let key = || crate::Secret::new([5; 32]);
    let id = GroupId::from_bytes([1; 16]);
    let base = seed::SeedKeys::random(id, Epoch(1), &key());
    for other in [
        seed::SeedKeys::random(id, Epoch(2), &key()),
        seed::SeedKeys::random(GroupId::from_bytes([2; 16]), Epoch(1), &key()),
        seed::SeedKeys::passphrase(&key()),
    ] {
        assert_ne!(base.psk(), other.psk());
        assert_ne!(base.cpace_password(), other.cpace_password());
        assert_ne!(base.gate(), other.gate());
        assert_ne!(base.binding(), other.binding());
    }
}

#[test]
fn passphrase_has_no_gate_name_text_epochs_or_context() {
    let mut group = passphrase();
    assert_eq!(group.door(), Door::Open);
    assert_eq!(group.id(), None);
    assert_eq!(group.to_text(), None);
    assert_eq!(numbers(&group), [0]);
    assert_eq!(group.newest_seed().gate_tag(&[0; 8]), None);
    assert!(!group.newest_seed().opens(&[0; 20]));
    assert_eq!(group.context("x").unwrap_err(), ContextError::Passphrase);
    assert_eq!(group.contexts("x").unwrap_err(), ContextError::Passphrase);
    assert_eq!(
        group.next_epoch(&mut Counter(1)),
        Err(RotateError::Passphrase)
    );
    assert_eq!(group.drop_epoch(Epoch(0)), Err(RotateError::Passphrase));
}

#[test]
fn initial_secrets_of_a_passphrase_are_the_public_ones() {
    let seed = passphrase().newest_seed();
    assert_eq!(
        initial_secrets(Some(&seed), b"12345678"),
        initial_secrets(None, b"12345678")
    );
    let seed = group(1).newest_seed();
    assert_ne!(
        initial_secrets(Some(&seed), b"12345678"),
        initial_secrets(None, b"12345678")
    );
}

#[test]
fn passphrase_parses_to_the_same_keys_and_realms_keep_apart() {
    let made = passphrase();
    let parsed = Group::parse("# pairing\npassphrase:test: correct horse battery \n").unwrap();
    assert_eq!(parsed.newest_seed().psk(), made.newest_seed().psk());
    let elsewhere = Group::from_passphrase("other", "correct horse battery").unwrap();
    assert_ne!(elsewhere.newest_seed().psk(), made.newest_seed().psk());
}

#[test]
fn context_follows_the_epoch_and_the_label() {
    let mut group = rotated(2);
    let old = group.context_at(Epoch(1), "x").unwrap();
    let new = group.context("x").unwrap();
    assert_ne!(old, new);
    assert_ne!(new, group.context("y").unwrap());
    group.drop_epoch(Epoch(1)).unwrap();
    let error = ContextError::UnknownEpoch { epoch: Epoch(1) };
    assert_eq!(group.context_at(Epoch(1), "x").unwrap_err(), error);
}

#[test]
fn debug_shows_name_and_epochs_but_no_key() {
    let group = rotated(2);
    let shown = format!("{group:?}");
    assert!(shown.contains(&group.id().unwrap().to_string()));
    let text = text(&group);
    // The characters that encode the key alone.
    assert!(!shown.contains(&text[40..80]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_group_survives_its_text(start: u64, rotations in 0_usize..MAX_EPOCHS) {
        let mut entropy = Counter(start / 2);
        let mut group = Group::generate(&mut entropy);
        for _ in 0..rotations {
            group.next_epoch(&mut entropy).unwrap();
        }
        prop_assert_eq!(text(&Group::parse(&text(&group)).unwrap()), text(&group));
    }

    #[test]
    fn any_text_is_a_group_or_a_typed_error(noise in "(stt1|)[ -~\n]{0,120}") {
        prop_assume!(!noise.contains("passphrase:"));
        let _ = Group::parse(&noise);
    }
}
