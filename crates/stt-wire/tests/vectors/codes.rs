//! Codes with which a session or a stream ends.

use serde::Deserialize;
use stt_wire::{CloseCode, StreamCode};

use crate::parse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    #[serde(rename = "about")]
    _about: String,
    session: Vec<Code>,
    stream: Vec<Code>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    number: u64,
    registered: Option<String>,
    application: Option<u32>,
}

#[test]
fn code_vectors_hold() {
    let codes: Codes = parse(include_str!("../../../../spec/vectors/wire/codes.json"));
    for Code {
        number,
        registered,
        application,
    } in &codes.session
    {
        let found = match CloseCode::from(*number) {
            CloseCode::Registered(reason) => (Some(reason.name().to_owned()), None),
            CloseCode::Application(code) => (None, Some(code)),
            CloseCode::Unknown(_) => (None, None),
        };
        assert_eq!(found, (registered.clone(), *application));
        assert_eq!(u64::from(CloseCode::from(*number)), *number);
    }
    for Code {
        number,
        registered,
        application,
    } in &codes.stream
    {
        let found = match StreamCode::from(*number) {
            StreamCode::Registered(reason) => (Some(reason.name().to_owned()), None),
            StreamCode::Application(code) => (None, Some(code)),
            StreamCode::Unknown(_) => (None, None),
        };
        assert_eq!(found, (registered.clone(), *application));
        assert_eq!(u64::from(StreamCode::from(*number)), *number);
    }
}
